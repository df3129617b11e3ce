//! Who is let in.

use hyper::header::AUTHORIZATION;
use hyper::{HeaderMap, Method, StatusCode};

use super::answer::Refusal;
use super::review::{AccessReview, Asked, Identity};
use super::route::Route;

/// What a client must have.
#[derive(Debug)]
pub(super) struct Access {
    token: String,
}

/// What a request says about its sender.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sender<'a> {
    /// Whom the certificate names, if TLS let one through: it is of a configured authority.
    pub certificate: Option<&'a Identity>,
    pub headers: &'a HeaderMap,
}

impl Access {
    /// Whoever has this token is let in everywhere, as is, without a cluster, whoever has a certificate.
    pub(super) fn new(token: String) -> Self {
        Self { token }
    }

    /// Refuses a request unless its sender may make it. A stranger does not learn which paths there are, either.
    pub(super) async fn check(
        &self,
        sender: Sender<'_>,
        method: &Method,
        route: &Result<Route, Refusal>,
        review: Option<&dyn AccessReview>,
    ) -> Result<(), Refusal> {
        let token = bearer(sender.headers);
        if token.is_some_and(|token| same(token.as_bytes(), self.token.as_bytes())) {
            return Ok(());
        }
        let Some(review) = review else {
            return if sender.certificate.is_some() { Ok(()) } else { Err(Refusal::stranger()) };
        };
        let of_token;
        let who = match (sender.certificate, token) {
            (Some(who), _) => who,
            (None, Some(token)) => {
                of_token = review.identify(token).await.map_err(unknown)?.ok_or_else(Refusal::stranger)?;
                &of_token
            }
            (None, None) => return Err(Refusal::stranger()),
        };
        match route {
            Ok(route) => allow(review, who, Asked::of(method, route)).await,
            Err(_) => allow(review, who, Asked { verb: "get", subresources: &["proxy"] }).await,
        }
    }
}

async fn allow(review: &dyn AccessReview, who: &Identity, asked: Asked) -> Result<(), Refusal> {
    for subresource in asked.subresources {
        if review.allows(who, asked.verb, subresource).await.map_err(unknown)? {
            return Ok(());
        }
    }
    let (user, verb, subresources) = (&who.name, asked.verb, asked.subresources.join(" "));
    let message = format!("Forbidden (user={user}, verb={verb}, resource=nodes, subresource(s)=[{subresources}])");
    Err(Refusal::new(StatusCode::FORBIDDEN, message))
}

/// The cluster does not answer: nobody is let in on a guess.
fn unknown(why: String) -> Refusal {
    tracing::warn!(why, "the cluster can't be asked about a client of the API");
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, format!("the cluster can't be asked who this is and may do: {why}"))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Takes as long for a token that is nearly right as for one that is all wrong.
fn same(one: &[u8], other: &[u8]) -> bool {
    let differences = one.iter().zip(other).fold(0, |so_far, (a, b)| so_far | (a ^ b));
    one.len() == other.len() && std::hint::black_box(differences) == 0
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::BoxFuture;

    use super::*;

    /// Knows one token, whose owner may read metrics.
    #[derive(Debug)]
    struct Cluster;

    impl AccessReview for Cluster {
        fn identify<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Option<Identity>, String>> {
            let known = (token == "monitor").then(|| Identity { name: "m".to_owned(), ..Identity::default() });
            async move { if token == "away" { Err("away".to_owned()) } else { Ok(known) } }.boxed()
        }

        fn allows<'a>(
            &'a self,
            who: &'a Identity,
            verb: &'a str,
            subresource: &'a str,
        ) -> BoxFuture<'a, Result<bool, String>> {
            let allowed = who.name == "m" && verb == "get" && subresource == "metrics" || who.name == "api-server";
            async move { Ok(allowed) }.boxed()
        }
    }

    async fn status(certificate: Option<&str>, value: Option<&str>, path: &str, cluster: bool) -> u16 {
        let access = Access::new("secret".to_owned());
        let headers = HeaderMap::from_iter(value.map(|value| (AUTHORIZATION, value.parse().unwrap())));
        let who = certificate.map(|name| Identity { name: name.to_owned(), ..Identity::default() });
        let sender = Sender { certificate: who.as_ref(), headers: &headers };
        let route = Route::of(&Method::GET, path);
        let review: Option<&dyn AccessReview> = if cluster { Some(&Cluster) } else { None };
        let checked = access.check(sender, &Method::GET, &route, review).await;
        checked.map_or_else(|refusal| refusal.status.as_u16(), |()| 200)
    }

    #[tokio::test]
    async fn a_certificate_or_the_token_and_nothing_else_opens_the_door() {
        assert_eq!(status(Some("x"), None, "/pods", false).await, 200);
        for right in ["Bearer secret", "bearer secret"] {
            assert_eq!(status(None, Some(right), "/pods", false).await, 200, "{right}");
            assert_eq!(status(None, Some(right), "/pods", true).await, 200, "{right}");
        }
        for wrong in ["Bearer", "Bearer ", "Bearer secre", "Bearer secret2", "Basic secret", "secret"] {
            assert_eq!(status(None, Some(wrong), "/pods", false).await, 401, "{wrong}");
            assert_eq!(status(None, Some(wrong), "/pods", true).await, 401, "{wrong}");
        }
        assert_eq!(status(None, None, "/pods", false).await, 401);
    }

    #[tokio::test]
    async fn in_a_cluster_the_cluster_says_who_may_do_what() {
        let monitor = Some("Bearer monitor");
        assert_eq!(status(None, monitor, "/metrics", true).await, 200);
        assert_eq!(status(None, monitor, "/pods", true).await, 403);
        assert_eq!(status(None, monitor, "/no-such-path", true).await, 403);
        assert_eq!(status(Some("api-server"), None, "/exec/n/p/c", true).await, 200);
        assert_eq!(status(Some("somebody"), None, "/pods", true).await, 403, "a certificate alone is not enough");
        assert_eq!(status(None, Some("Bearer away"), "/pods", true).await, 503);
    }
}
