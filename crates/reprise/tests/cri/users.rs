//! Who the program runs as.

use reprise_cri::v1::*;
use reprise_testkit::image::TestImage;
use serde_json::json;

use crate::case::cases;
use crate::requests::{ContainerParts, With, image};
use crate::scene::Scene;

cases![
    without_a_word_it_is_the_images_user_or_root,
    a_user_by_number_has_the_groups_that_the_image_gives_it,
    a_number_that_the_image_does_not_know_is_alone,
    a_user_by_name_is_looked_up_in_the_image,
    a_group_replaces_the_users_first_one,
    a_group_alone_makes_no_user,
    further_groups_are_added_to_those_of_the_image,
    strict_means_that_the_images_groups_do_not_count,
    the_user_in_a_status_is_who_it_runs_as,
];

async fn id(scene: &Scene, change: impl FnOnce(&mut LinuxContainerSecurityContext)) -> String {
    let pod = scene.pod().await;
    scene.report(&pod, scene.container("main", &["id"]).with(|config| change(config.security()))).await
}

fn number(value: i64) -> Option<Int64Value> {
    Some(Int64Value { value })
}

async fn without_a_word_it_is_the_images_user_or_root(scene: &Scene) {
    assert_eq!(id(scene, |_| {}).await, "uid=0 gid=0 groups=0\n");
    let pod = scene.pod().await;
    for (user, expected) in [
        ("1000", "uid=1000 gid=1000 groups=1000,2000\n"),
        ("tester", "uid=1000 gid=1000 groups=1000,2000\n"),
        ("1000:3000", "uid=1000 gid=3000 groups=2000,3000\n"),
    ] {
        let name = format!("reprise.test/of-{}:1", user.replace(':', "-"));
        scene.import(&TestImage::testload().unwrap().config("User", json!(user)), &name).await;
        let config = scene.container(&user.replace(':', "-"), &["id"]).with(|config| config.image = image(&name));
        let seen = scene.report(&pod, config).await;
        let first = |report: &str| report.split(" groups").next().map(str::to_owned);
        assert_eq!(first(&seen), first(expected), "{user}");
        assert!(seen == expected || scene.differs("users::groups-of-image-user"), "{user}: {seen}");
    }
}

async fn a_user_by_number_has_the_groups_that_the_image_gives_it(scene: &Scene) {
    let seen = id(scene, |security| security.run_as_user = number(1000)).await;
    assert_eq!(seen, "uid=1000 gid=1000 groups=1000,2000\n");
}

async fn a_number_that_the_image_does_not_know_is_alone(scene: &Scene) {
    let seen = id(scene, |security| security.run_as_user = number(4321)).await;
    assert_eq!(seen, "uid=4321 gid=0 groups=0\n");
}

async fn a_user_by_name_is_looked_up_in_the_image(scene: &Scene) {
    let seen = id(scene, |security| security.run_as_username = "tester".into()).await;
    assert_eq!(seen, "uid=1000 gid=1000 groups=1000,2000\n");
    let pod = scene.pod().await;
    let config = scene.container("main", &["id"]);
    let unknown = config.with(|config| config.security().run_as_username = "nobody-known".into());
    let refused = scene.try_create(&pod, unknown).await.unwrap_err();
    assert!(refused.message().contains("nobody-known") || scene.differs("users::unknown-not-named"), "{refused}");
}

async fn a_group_replaces_the_users_first_one(scene: &Scene) {
    let seen = id(scene, |security| {
        security.run_as_user = number(1000);
        security.run_as_group = number(3000);
    })
    .await;
    assert_eq!(seen, "uid=1000 gid=3000 groups=2000,3000\n");
}

async fn a_group_alone_makes_no_user(scene: &Scene) {
    let pod = scene.pod().await;
    let config = scene.container("main", &["id"]).with(|config| config.security().run_as_group = number(3000));
    assert!(scene.try_create(&pod, config).await.is_err(), "CRI wants a user with a group");
}

async fn further_groups_are_added_to_those_of_the_image(scene: &Scene) {
    let seen = id(scene, |security| {
        security.run_as_user = number(1000);
        security.supplemental_groups = vec![5000, 2000, 6000];
    })
    .await;
    assert_eq!(seen, "uid=1000 gid=1000 groups=1000,2000,5000,6000\n");
}

async fn strict_means_that_the_images_groups_do_not_count(scene: &Scene) {
    let seen = id(scene, |security| {
        security.run_as_user = number(1000);
        security.supplemental_groups = vec![5000];
        security.supplemental_groups_policy = SupplementalGroupsPolicy::Strict.into();
    })
    .await;
    assert_eq!(seen, "uid=1000 gid=1000 groups=1000,5000\n");
}

async fn the_user_in_a_status_is_who_it_runs_as(scene: &Scene) {
    let pod = scene.pod().await;
    let config = scene.container("main", &["forever"]).with(|config| {
        config.security().run_as_user = number(1000);
        config.security().supplemental_groups = vec![5000];
    });
    let id = scene.run(&pod, config).await;
    let user = scene.status(&id).await.user.unwrap().linux.unwrap();
    assert_eq!((user.uid, user.gid), (1000, 1000));
    let mut groups = user.supplemental_groups;
    groups.sort_unstable();
    assert_eq!(groups, [1000, 2000, 5000]);
}
