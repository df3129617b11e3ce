use serde_json::{Value, json};

use super::*;

fn volume(name: &str, spec: Value) -> PersistentVolume {
    let mut whole = json!({"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]});
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    serde_json::from_value(json!({"metadata": {"name": name, "labels": {"disk": name}}, "spec": whole})).unwrap()
}

fn claim(spec: Value) -> PersistentVolumeClaim {
    let mut whole = json!({"resources": {"requests": {"storage": "1Gi"}}, "accessModes": ["ReadWriteOnce"]});
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    let metadata = json!({"name": "c", "namespace": "n", "uid": "1"});
    serde_json::from_value(json!({"metadata": metadata, "spec": whole})).unwrap()
}

fn chosen(spec: Value, volumes: &[PersistentVolume]) -> Option<String> {
    let volumes: Vec<&PersistentVolume> = volumes.iter().collect();
    choose(&claim(spec), &volumes, Some(&NodeFacts::new("lab", "amd64"))).ok().and_then(|v| v.metadata.name.clone())
}

#[test]
fn the_smallest_volume_that_fits_is_chosen() {
    let of = |name: &str, size: &str| volume(name, json!({"capacity": {"storage": size}}));
    let volumes = [of("large", "10Gi"), of("small", "1Mi"), of("right", "2Gi")];
    assert_eq!(chosen(json!({}), &volumes).as_deref(), Some("right"));
    assert_eq!(chosen(json!({"resources": {"requests": {"storage": "3Gi"}}}), &volumes).as_deref(), Some("large"));
    assert_eq!(chosen(json!({"resources": {"requests": {"storage": "1Ti"}}}), &volumes), None);
}

#[test]
fn everything_that_both_say_must_agree() {
    let affinity = |host: &str| {
        let term = json!({"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [host]}]});
        json!({"nodeAffinity": {"required": {"nodeSelectorTerms": [term]}}})
    };
    let table = [
        (json!({}), json!({}), true),
        (json!({"storageClassName": "a"}), json!({}), false),
        (json!({"storageClassName": "a"}), json!({"storageClassName": "a"}), true),
        (json!({}), json!({"storageClassName": ""}), true),
        (json!({}), json!({"accessModes": ["ReadWriteMany"]}), false),
        (json!({"accessModes": ["ReadWriteMany", "ReadWriteOnce"]}), json!({}), true),
        (json!({"volumeMode": "Block"}), json!({}), false),
        (json!({}), json!({"selector": {"matchLabels": {"disk": "v"}}}), true),
        (json!({}), json!({"selector": {"matchLabels": {"disk": "w"}}}), false),
        (json!({}), json!({"selector": {"matchExpressions": [{"key": "x", "operator": "Exists"}]}}), false),
        (affinity("lab"), json!({}), true),
        (affinity("elsewhere"), json!({}), false),
        (json!({"claimRef": {"namespace": "n", "name": "c"}}), json!({}), true),
        (json!({"claimRef": {"namespace": "n", "name": "c", "uid": "1"}}), json!({}), true),
        (json!({"claimRef": {"namespace": "n", "name": "c", "uid": "2"}}), json!({}), false),
        (json!({"claimRef": {"namespace": "n", "name": "other"}}), json!({}), false),
        (json!({}), json!({"volumeName": "v"}), true),
        (json!({}), json!({"volumeName": "w"}), false),
        (json!({"storageClassName": "a"}), json!({"volumeName": "v"}), false),
    ];
    for (has, wants, fits) in table {
        let found = chosen(wants.clone(), &[volume("v", has.clone())]);
        assert_eq!(found.is_some(), fits, "{has} for {wants}");
    }
}

#[test]
fn a_volume_that_is_set_aside_for_the_claim_wins_over_a_smaller_one() {
    let aside = volume("z", json!({"capacity": {"storage": "9Gi"}, "claimRef": {"namespace": "n", "name": "c"}}));
    assert_eq!(chosen(json!({}), &[volume("a", json!({})), aside]).as_deref(), Some("z"));
}

#[test]
fn no_two_claims_get_one_volume_and_those_that_name_theirs_come_first() {
    let (volumes, mut other) = ([volume("a", json!({})), volume("b", json!({}))], claim(json!({"volumeName": "a"})));
    other.metadata.name = Some("d".to_owned());
    let (volumes, node) = (volumes.iter().collect::<Vec<_>>(), NodeFacts::new("lab", "amd64"));
    let first = claim(json!({}));
    let pairs = bind(&volumes, &[&first, &other], &node);
    let shown: Vec<_> = pairs.iter().map(|(v, c)| (text(&v.metadata.name), text(&c.metadata.name))).collect();
    assert_eq!(shown, [("a", "d"), ("b", "c")]);
    assert!(pairs.iter().all(|(volume, claim)| is_bound(claim) && belongs(volume, claim)));
    assert!(bind(&volumes, &[&pairs[0].1, &pairs[1].1], &node).is_empty(), "bound claims stay as they are");
}

#[test]
fn an_unbound_claim_says_why() {
    let volume = volume("v", json!({"storageClassName": "a"}));
    let why =
        choose(&claim(json!({"volumeName": "v"})), &[&volume], Some(&NodeFacts::new("lab", "amd64"))).unwrap_err();
    assert_eq!(why, "persistentvolume \"v\" has storageClassName \"a\", not \"\"");
}
