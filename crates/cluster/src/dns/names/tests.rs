use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use serde_json::{Value, json};

use super::super::answer::{Answer, answer};
use super::*;

fn pod(name: &str, ip: &str, more: &Value) -> Pod {
    let mut pod = json!({
        "metadata": {"name": name, "namespace": "default", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 8080}]}]},
        "status": {"podIP": ip, "podIPs": [{"ip": ip}], "conditions": [{"type": "Ready", "status": "True"}]},
    });
    merge(&mut pod, more);
    serde_json::from_value(pod).unwrap()
}

fn service(name: &str, spec: &Value) -> Service {
    let mut all = json!({"selector": {"app": "web"}, "clusterIP": "None"});
    merge(&mut all, spec);
    serde_json::from_value(json!({"metadata": {"name": name, "namespace": "default"}, "spec": all})).unwrap()
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

fn names(services: &[Service], pods: &[Pod]) -> Names {
    let mut names = Names::new("cluster.local", vec![[10, 85, 0, 1].into()]).unwrap();
    services.iter().for_each(|service| names.put_service(service));
    pods.iter().for_each(|pod| names.put_pod(pod));
    names.keep_services(&services.iter().map(ObjectKey::of).collect());
    names.keep_pods(&pods.iter().map(ObjectKey::of).collect());
    names
}

fn query(name: &str, wanted: RecordType) -> Message {
    let mut query = Message::query();
    query.metadata.id = 0;
    query.add_query(Query::query(Name::from_ascii(name).unwrap(), wanted));
    query
}

/// The answer's records in the order of their text, or what it says instead of any.
fn ask(names: &Names, name: &str, wanted: RecordType) -> Vec<String> {
    let reply = match answer(names, &query(name, wanted)) {
        Answer::Reply(reply) => reply,
        Answer::Continued(reply, target) => {
            let begun = reply.answers.iter().map(ToString::to_string);
            return begun.chain([format!("ask for {target}")]).collect();
        }
        Answer::Elsewhere => return vec!["elsewhere".to_owned()],
    };
    let mut records: Vec<String> = reply.answers.iter().map(|record| record.data.to_string()).collect();
    records.sort_unstable();
    if records.is_empty() {
        let has_soa = reply.authorities.iter().any(|record| record.record_type() == RecordType::SOA && record.ttl == 5);
        let code = match (reply.metadata.response_code, has_soa) {
            (ResponseCode::NXDomain, true) => "NXDOMAIN",
            (ResponseCode::NoError, true) => "NODATA",
            (ResponseCode::ServFail, false) => "SERVFAIL",
            (ResponseCode::Refused, false) => "REFUSED",
            other => panic!("{other:?}"),
        };
        records.push(code.to_owned());
    }
    records
}

const WEB: &str = "web.default.svc.cluster.local.";

#[test]
fn a_headless_service_has_the_addresses_of_its_ready_pods() {
    let not_ready = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
    let other = json!({"metadata": {"labels": {"app": "other"}}});
    let leaving = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
    let ended = json!({"status": {"phase": "Succeeded"}});
    let elsewhere = json!({"metadata": {"namespace": "elsewhere"}});
    let pods = [
        pod("a", "10.85.0.2", &json!({})),
        pod("b", "10.85.0.3", &json!({"status": {"podIPs": [{"ip": "10.85.0.3"}, {"ip": "fd00::3"}]}})),
        pod("c", "10.85.0.4", &not_ready),
        pod("d", "10.85.0.5", &other),
        pod("e", "10.85.0.6", &leaving),
        pod("f", "10.85.0.7", &ended),
        pod("g", "10.85.0.8", &elsewhere),
    ];
    let all = service("all", &json!({"publishNotReadyAddresses": true}));
    let four = service("four", &json!({"ipFamilies": ["IPv4"]}));
    let names = names(&[service("web", &json!({})), all, four], &pods);
    assert_eq!(ask(&names, WEB, RecordType::A), ["10.85.0.2", "10.85.0.3"]);
    assert_eq!(ask(&names, "WEB.Default.svc.CLUSTER.local.", RecordType::AAAA), ["fd00::3"]);
    let with_not_ready = ["10.85.0.2", "10.85.0.3", "10.85.0.4", "10.85.0.6"];
    assert_eq!(ask(&names, "all.default.svc.cluster.local.", RecordType::A), with_not_ready);
    assert_eq!(ask(&names, "four.default.svc.cluster.local.", RecordType::AAAA), ["NODATA"]);
    assert_eq!(ask(&names, WEB, RecordType::MX), ["NODATA"]);
}

#[test]
fn a_pod_has_its_hostname_in_the_headless_service_that_is_its_subdomain_and_selects_it() {
    let named = json!({"spec": {"hostname": "job-0", "subdomain": "web"}});
    let stranger = json!({"spec": {"hostname": "job-1", "subdomain": "web"}, "metadata": {"labels": {"app": "other"}}});
    let pods = [pod("a", "10.85.0.2", &named), pod("b", "10.85.0.3", &stranger), pod("c", "10.85.0.4", &json!({}))];
    let names = names(&[service("web", &json!({})), service("too", &json!({}))], &pods);
    assert_eq!(ask(&names, &format!("job-0.{WEB}"), RecordType::A), ["10.85.0.2"]);
    assert_eq!(ask(&names, &format!("job-0.{WEB}"), RecordType::AAAA), ["NODATA"]);
    assert_eq!(ask(&names, "job-0.too.default.svc.cluster.local.", RecordType::A), ["NXDOMAIN"]);
    assert_eq!(ask(&names, &format!("job-1.{WEB}"), RecordType::A), ["NXDOMAIN"]);
    // Without a hostname, its address is its name there.
    assert_eq!(ask(&names, &format!("10-85-0-4.{WEB}"), RecordType::A), ["10.85.0.4"]);
    assert_eq!(ask(&names, &format!("10-85-0-2.{WEB}"), RecordType::A), ["NXDOMAIN"]);
}

#[test]
fn named_ports_have_srv_records_with_the_pods_own_ports() {
    let named = json!({"spec": {"hostname": "job-0", "subdomain": "web"}});
    let without = json!({"spec": {"containers": [{"name": "c"}]}});
    let pods = [pod("a", "10.85.0.2", &named), pod("b", "10.85.0.3", &without)];
    let ports = json!({"ports": [{"name": "http", "port": 80, "targetPort": "http"}, {"port": 9}, {"name": "q", "port": 7, "protocol": "UDP"}]});
    let names = names(&[service("web", &ports)], &pods);
    assert_eq!(ask(&names, &format!("_http._tcp.{WEB}"), RecordType::SRV), [format!("0 100 8080 job-0.{WEB}")]);
    let of_udp = [format!("0 100 7 10-85-0-3.{WEB}"), format!("0 100 7 job-0.{WEB}")];
    assert_eq!(ask(&names, &format!("_q._udp.{WEB}"), RecordType::SRV), of_udp);
    assert_eq!(ask(&names, &format!("_http._udp.{WEB}"), RecordType::SRV), ["NXDOMAIN"]);
    assert_eq!(ask(&names, &format!("_udp.{WEB}"), RecordType::SRV), ["NODATA"]);
    assert_eq!(ask(&names, &format!("_http._tcp.{WEB}"), RecordType::A), ["NODATA"]);
    let Answer::Reply(reply) = answer(&names, &query(&format!("_http._tcp.{WEB}"), RecordType::SRV)) else { panic!() };
    assert_eq!(reply.additionals[0].to_string(), format!("job-0.{WEB} 5 IN A 10.85.0.2"));
}

#[test]
fn a_service_with_an_address_stands_for_it() {
    let spec = json!({"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9", "fd00::9"], "ports": [{"name": "p", "port": 80, "targetPort": 8080}]});
    let names = names(&[service("web", &spec)], &[pod("a", "10.85.0.2", &json!({}))]);
    assert_eq!(ask(&names, WEB, RecordType::A), ["10.96.0.9"]);
    assert_eq!(ask(&names, WEB, RecordType::AAAA), ["fd00::9"]);
    assert_eq!(ask(&names, &format!("_p._tcp.{WEB}"), RecordType::SRV), [format!("0 100 80 {WEB}")]);
    assert_eq!(ask(&names, "9.0.96.10.in-addr.arpa.", RecordType::PTR), [WEB]);
}

#[test]
fn an_external_name_is_followed_to_where_it_leads() {
    let external =
        |name: &str, to: &str| service(name, &json!({"type": "ExternalName", "externalName": to, "clusterIP": null}));
    let services = [
        external("out", "www.example.com"),
        external("in", "web.default.svc.cluster.local"),
        external("nowhere", "no.default.svc.cluster.local"),
        external("circle", "circle.default.svc.cluster.local"),
        service("web", &json!({})),
    ];
    let names = names(&services, &[pod("a", "10.85.0.2", &json!({}))]);
    let name = |name: &str| format!("{name}.default.svc.cluster.local.");
    let out = ["out.default.svc.cluster.local. 5 IN CNAME www.example.com.", "ask for www.example.com."];
    assert_eq!(ask(&names, &name("out"), RecordType::A), out);
    assert_eq!(ask(&names, &name("out"), RecordType::CNAME), ["www.example.com."]);
    assert_eq!(ask(&names, &name("in"), RecordType::A), ["10.85.0.2", WEB]);
    assert_eq!(ask(&names, &name("circle"), RecordType::A), ["SERVFAIL"]);
    let Answer::Reply(reply) = answer(&names, &query(&name("nowhere"), RecordType::A)) else { panic!() };
    assert_eq!((reply.metadata.response_code, reply.answers.len()), (ResponseCode::NXDomain, 1));
}

#[test]
fn what_is_not_there_is_told_from_what_has_only_names_below() {
    let names = names(
        &[service("web", &json!({})), service("none", &json!({"selector": {"app": "x"}}))],
        &[pod("a", "10.85.0.2", &json!({}))],
    );
    for (name, said) in [
        ("svc.cluster.local.", "NODATA"),
        ("default.svc.cluster.local.", "NODATA"),
        ("default.pod.cluster.local.", "NODATA"),
        ("other.svc.cluster.local.", "NXDOMAIN"),
        ("other.pod.cluster.local.", "NXDOMAIN"),
        // The specification's: a service of which no Pod is ready.
        ("none.default.svc.cluster.local.", "NXDOMAIN"),
        ("www.example.com.cluster.local.", "NXDOMAIN"),
        ("web.default.svc.cluster.local.default.svc.cluster.local.", "NXDOMAIN"),
        ("www.example.com.", "elsewhere"),
        ("local.", "elsewhere"),
        ("xcluster.local.", "elsewhere"),
        ("ns.dns.cluster.local.", "10.85.0.1"),
    ] {
        assert_eq!(ask(&names, name, RecordType::A), [said], "{name}");
    }
    assert_eq!(ask(&names, "cluster.local.", RecordType::AXFR), ["REFUSED"]);
    assert_eq!(ask(&names, "dns-version.cluster.local.", RecordType::TXT), ["1.1.0"]);
    assert_eq!(ask(&names, "cluster.local.", RecordType::NS), ["ns.dns.cluster.local."]);
}

#[test]
fn addresses_are_names_and_have_names() {
    let six =
        json!({"status": {"podIPs": [{"ip": "10.85.0.2"}, {"ip": "fd00::2"}]}, "metadata": {"labels": {"app": "x"}}});
    let named = json!({"spec": {"hostname": "job-0", "subdomain": "web"}});
    let names = names(&[service("web", &json!({}))], &[pod("a", "10.85.0.2", &six), pod("b", "10.85.0.3", &named)]);
    assert_eq!(ask(&names, "10-85-0-2.default.pod.cluster.local.", RecordType::A), ["10.85.0.2"]);
    assert_eq!(ask(&names, "fd00--2.default.pod.cluster.local.", RecordType::AAAA), ["fd00::2"]);
    assert_eq!(ask(&names, "10-85-0-2.other.pod.cluster.local.", RecordType::A), ["NXDOMAIN"]);
    assert_eq!(ask(&names, "10-85-0-9.default.pod.cluster.local.", RecordType::A), ["NXDOMAIN"]);
    assert_eq!(ask(&names, "3.0.85.10.in-addr.arpa.", RecordType::PTR), [format!("job-0.{WEB}")]);
    assert_eq!(ask(&names, "2.0.85.10.in-addr.arpa.", RecordType::PTR), ["10-85-0-2.default.pod.cluster.local."]);
    assert_eq!(ask(&names, "9.0.85.10.in-addr.arpa.", RecordType::PTR), ["elsewhere"]);
    assert_eq!(ask(&names, "85.10.in-addr.arpa.", RecordType::PTR), ["elsewhere"]);
}

#[test]
fn names_change_with_their_objects() {
    let mut names = names(&[], &[pod("a", "10.85.0.2", &json!({}))]);
    assert_eq!(ask(&names, WEB, RecordType::A), ["NXDOMAIN"]);
    names.put_service(&service("web", &json!({})));
    assert_eq!(ask(&names, WEB, RecordType::A), ["10.85.0.2"]);
    names.put_pod(&pod("a", "10.85.0.9", &json!({})));
    assert_eq!(ask(&names, WEB, RecordType::A), ["10.85.0.9"]);
    assert_eq!(ask(&names, "10-85-0-2.default.pod.cluster.local.", RecordType::A), ["NXDOMAIN"]);
    names.put_service(&service("web", &json!({"selector": {"app": "other"}})));
    assert_eq!(ask(&names, WEB, RecordType::A), ["NXDOMAIN"]);
    names.put_pod(&pod("a", "10.85.0.9", &json!({"metadata": {"labels": {"app": "other"}}})));
    assert_eq!(ask(&names, WEB, RecordType::A), ["10.85.0.9"]);
    names.keep_pods(&BTreeSet::new());
    assert_eq!(ask(&names, WEB, RecordType::A), ["NXDOMAIN"]);
    names.put_pod(&pod("a", "10.85.0.9", &json!({"metadata": {"labels": {"app": "other"}}})));
    names.remove_service(&ObjectKey::new("default", "web"));
    assert_eq!(ask(&names, WEB, RecordType::A), ["NXDOMAIN"]);
}

#[test]
fn before_all_is_known_nothing_is_said_not_to_be_there() {
    let mut names = Names::new("Cluster.Local.", Vec::new()).unwrap();
    assert_eq!(ask(&names, WEB, RecordType::A), ["SERVFAIL"]);
    names.keep_services(&BTreeSet::new());
    assert_eq!(ask(&names, WEB, RecordType::A), ["SERVFAIL"]);
    assert_eq!(ask(&names, "example.com.", RecordType::A), ["elsewhere"]);
    names.keep_pods(&BTreeSet::new());
    assert_eq!(ask(&names, WEB, RecordType::A), ["NXDOMAIN"]);
    assert!(Names::new("", Vec::new()).is_err() && Names::new("a..b", Vec::new()).is_err());
}
