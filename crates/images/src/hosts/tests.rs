use super::*;

const MIRRORS: &str = r#"
server = "https://registry.example"
skip_verify = false

[host."https://mirror.example"]
capabilities = ["pull"]
ca = ["one.pem", "/etc/two.pem"]
client = [["c.cert", "c.key"]]
dial_timeout = "1m30s"
[host."https://mirror.example".header]
X-One = "1"
X-Two = ["a", "b"]

[host."http://a.example:5000/proxy"]
capabilities = ["pull", "resolve"]

[host."plain.example/root"]
override_path = true
skip_verify = true
"#;

fn reference(image: &str) -> Reference {
    Reference::parse(image).unwrap()
}

fn read(text: &str, image: &str) -> Result<Vec<HostConfig>> {
    file::read(Path::new("/conf/x/hosts.toml"), text, &reference(image))
}

fn bases(hosts: &[HostConfig]) -> Vec<&str> {
    hosts.iter().map(|host| host.base.as_str()).collect()
}

#[test]
fn mirrors_keep_their_order_and_the_server_comes_last() {
    let hosts = read(MIRRORS, "registry.example/app").unwrap();
    let expected = [
        "https://mirror.example/v2",
        "http://a.example:5000/proxy/v2",
        "https://plain.example/root",
        "https://registry.example/v2",
    ];
    assert_eq!(bases(&hosts), expected);
    assert_eq!(hosts.iter().map(|host| host.is_registry).collect::<Vec<_>>(), [false, false, false, true]);
    assert_eq!(hosts.iter().map(|host| host.resolve).collect::<Vec<_>>(), [false, true, true, true]);
    let mirror = &hosts[0];
    assert_eq!(mirror.ca, [Path::new("/conf/x/one.pem"), Path::new("/etc/two.pem")]);
    assert_eq!(mirror.client, [Path::new("/conf/x/c.cert"), Path::new("/conf/x/c.key")]);
    assert_eq!(mirror.connect_timeout, Duration::from_secs(90));
    assert_eq!(mirror.headers.get_all("x-two").iter().count(), 2);
    assert!(hosts[2].skip_verify && !hosts[3].skip_verify);
}

#[test]
fn without_a_server_the_registry_itself_is_last() {
    assert_eq!(bases(&read("", "app").unwrap()), ["https://registry-1.docker.io/v2"]);
    assert_eq!(bases(&read("", "localhost:5000/app").unwrap()), ["http://localhost:5000/v2"]);
    assert_eq!(bases(&read("ca = 'x'", "localhost:5000/app").unwrap()), ["https://localhost:5000/v2"]);
}

#[test]
fn a_server_that_is_another_host_is_a_mirror() {
    let hosts = read("server = 'https://cache.example'", "registry.example/app").unwrap();
    assert_eq!((bases(&hosts), hosts[0].is_registry), (vec!["https://cache.example/v2"], false));
    assert!(read("server = 'https://docker.io'", "busybox").unwrap()[0].is_registry);
    assert!(read("server = 'http://localhost:5000'", "localhost:5000/app").unwrap()[0].is_registry);
}

#[test]
fn each_mistake_is_told_with_file_field_and_value() {
    for (text, told) in [
        ("servr = 'x'", "servr = \"x\": unknown field"),
        ("server = 1", "server = 1: must be a string"),
        ("server = 'ftp://x'", "server = \"ftp://x\": must be an address"),
        ("server = 'https://user@x'", "must be an address"),
        ("capabilities = ['pul']", "capabilities = [\"pul\"]: known are"),
        ("skip_verify = 'yes'", "skip_verify = \"yes\": must be true or false"),
        ("override_path = 1", "override_path = 1: must be true or false"),
        ("ca = [1]", "ca = [1]: must be a string or a list of strings"),
        ("client = ['a', 'b']", "one certificate only"),
        ("client = [['a']]", "pair [certificate, key]"),
        ("dial_timeout = 'soon'", "dial_timeout = \"soon\": must be a time"),
        ("[host.'https://m']\nserver = 'x'", "[host.\"https://m\"] server = \"x\": unknown field"),
        ("[host.'https://m']\nheader = 1", "[host.\"https://m\"] header = 1: must be a table"),
        ("[host.'::']\n", "[host.\"::\"]: not an address"),
        ("host = 1", "host = 1: must be a table"),
        ("[host]\nx = 1", "must be tables"),
        ("server = ", "it is not TOML"),
    ] {
        let error = read(text, "registry.example/app").unwrap_err().to_string();
        assert!(error.contains(told) && error.contains("/conf/x/hosts.toml"), "{text}: {error}");
    }
    let error = read("[header]\nAuthorization = [\"Basic c2VjcmV0\", 1]", "app").unwrap_err().to_string();
    assert!(error.contains("[header] Authorization") && !error.contains("c2VjcmV0"), "{error}");
}

#[test]
fn a_registry_has_its_own_folder_or_the_one_for_all() {
    let dir = tempfile::tempdir().unwrap();
    let server = |image: &str| hosts(Some(dir.path()), &reference(image)).unwrap().remove(0).base.to_string();
    let write = |name: &str, server: &str| {
        fs::create_dir_all(dir.path().join(name)).unwrap();
        fs::write(dir.path().join(name).join("hosts.toml"), format!("server = '{server}'")).unwrap();
    };
    assert_eq!(server("r.example:5000/app"), "https://r.example:5000/v2");
    write("_default", "https://all");
    assert_eq!(server("r.example:5000/app"), "https://all/v2");
    write("r.example:5000", "https://colon");
    assert_eq!(server("r.example:5000/app"), "https://colon/v2");
    write("r.example_5000_", "https://marked");
    assert_eq!(server("r.example:5000/app"), "https://marked/v2");
    write("docker.io", "https://hub");
    assert_eq!(server("busybox"), "https://hub/v2");
    write("[::1]", "https://six");
    assert_eq!(server("[::1]/app"), "https://six/v2");
}

#[test]
fn a_folder_that_is_not_there_is_an_error_and_not_no_mirrors() {
    let error = hosts(Some(Path::new("/nonexistent")), &reference("app")).unwrap_err();
    assert!(matches!(error, Error::RegistryConfig { .. }), "{error:?}");
}

#[test]
fn certificates_alone_are_named_as_for_docker() {
    let dir = tempfile::tempdir().unwrap();
    let own = dir.path().join("localhost:5000");
    fs::create_dir(&own).unwrap();
    for name in ["ca.crt", "me.cert", "me.key", "readme.txt"] {
        fs::write(own.join(name), "").unwrap();
    }
    let host = hosts(Some(dir.path()), &reference("localhost:5000/app")).unwrap().remove(0);
    assert_eq!(host.base.scheme(), "https");
    assert_eq!((host.ca, host.client), (vec![own.join("ca.crt")], vec![own.join("me.cert"), own.join("me.key")]));
    fs::write(own.join("other.cert"), "").unwrap();
    let error = hosts(Some(dir.path()), &reference("localhost:5000/app")).unwrap_err();
    assert!(matches!(error, Error::RegistryConfig { .. }), "{error:?}");
}
