//! Tokens: who gets to see what.

use reprise_images::{Credentials, Error, Logins};

use crate::fake::Fake;
use crate::image::Layer;
use crate::store;

fn basic() -> Credentials {
    Credentials::Basic { username: "me".to_owned(), password: "p".to_owned() }
}

#[tokio::test]
async fn a_password_goes_to_the_token_server_and_its_token_to_the_registry() {
    let fake = Fake::start(&Layer::with_file("x", b"x"), Some("let-me-in"));
    let (_dir, store) = store();
    store.pull(&fake.image(), &Logins::given(basic(), None), &()).await.unwrap();
    let requests = fake.requests();
    let expected = [
        "GET /v2/app/manifests/1",
        "GET /token?scope=repository%3Aapp%3Apull&service=s Basic bWU6cA==",
        "GET /v2/app/manifests/1 Bearer let-me-in",
    ];
    assert_eq!(requests[..3], expected);
    assert!(requests[3..].iter().all(|request| request.ends_with(" Bearer let-me-in")), "{requests:?}");
}

#[tokio::test]
async fn an_identity_token_is_exchanged_for_one_that_lets_in() {
    let fake = Fake::start(&Layer::with_file("x", b"x"), Some("let-me-in"));
    let (_dir, store) = store();
    let logins = Logins::given(Credentials::IdentityToken("i&d".to_owned()), None);
    store.pull(&fake.image(), &logins, &()).await.unwrap();
    let form = "scope=repository%3Aapp%3Apull&service=s&grant_type=refresh_token&client_id=reprise&refresh_token=i%26d";
    assert_eq!(fake.requests()[1], format!("POST /token  {form}"));
}

#[tokio::test]
async fn a_registry_token_is_used_as_it_is() {
    let fake = Fake::start(&Layer::with_file("x", b"x"), Some("let-me-in"));
    let (_dir, store) = store();
    let token = |token: &str| Logins::given(Credentials::Token(token.to_owned()), None);
    let error = store.pull(&fake.image(), &token("old"), &()).await.unwrap_err();
    assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");
    let error = store.pull(&fake.image(), &token("a\nb"), &()).await.unwrap_err();
    assert!(matches!(error, Error::InvalidCredentials { .. }), "{error:?}");
    store.pull(&fake.image(), &token("let-me-in"), &()).await.unwrap();
    assert!(fake.requests().iter().all(|request| !request.contains("/token")));
}

#[tokio::test]
async fn a_token_server_without_a_sound_address_or_token_is_an_error() {
    let layer = Layer::with_file("x", b"x");
    let (_dir, store) = store();
    for (token, realm) in [("t", Some("file:///etc/passwd")), ("t", Some("nonsense")), ("", None), ("a\nb", None)] {
        let fake = Fake::start_with_realm(&layer, Some(token), realm);
        let error = store.pull(&fake.image(), &Logins::none(), &()).await.unwrap_err();
        assert!(matches!(error, Error::Registry { .. }), "{token:?} {realm:?}: {error:?}");
    }
}
