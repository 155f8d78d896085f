//! Links that are swapped: the directory's, one further up, a manifest's, a ConfigMap's.

use std::os::unix::fs::symlink;

use super::*;

fn swap(target: &Path, link: &Path) {
    let next = link.with_file_name("next");
    symlink(target, &next).unwrap();
    fs::rename(&next, link).unwrap();
}

/// Two versions of a directory, and `live` that leads to the first.
fn versions(inner: &str) -> impl FnOnce(&Path) + '_ {
    move |directory| {
        let root = directory
            .ancestors()
            .nth(1 + inner.split('/').filter(|p| !p.is_empty()).count());
        let root = root.unwrap();
        for (version, work_mem) in [("v1", "8MB"), ("v2", "16MB")] {
            fs::create_dir_all(root.join(version).join(inner)).unwrap();
            let path = root.join(version).join(inner).join("x.yaml");
            fs::write(path, manifest("shop", work_mem)).unwrap();
        }
        symlink("v1", root.join("live")).unwrap();
    }
}

#[tokio::test]
async fn a_swapped_directory_is_read_and_watched() {
    let mut agent = Agent::at("live", versions(""));
    swap(Path::new("v2"), &agent.root.join("live"));
    assert_eq!(agent.settled().await, ["shop in force"]);
    fs::write(agent.root.join("v2/x.yaml"), manifest("shop", "32MB")).unwrap();
    assert_eq!(agent.settled().await, ["shop in force"]);
    assert_eq!(agent.work_mem("shop"), "32MB");
    fs::write(agent.root.join("v1/x.yaml"), manifest("shop", "64MB")).unwrap();
    agent.is_calm().await;
}

#[tokio::test]
async fn a_link_further_up_is_followed() {
    let mut agent = Agent::at("live/deep/desired", versions("deep/desired"));
    swap(Path::new("v2"), &agent.root.join("live"));
    assert_eq!(agent.settled().await, ["shop in force"]);
    fs::write(
        agent.root.join("v2/deep/desired/x.yaml"),
        manifest("shop", "32MB"),
    )
    .unwrap();
    assert_eq!(agent.settled().await, ["shop in force"]);
}

#[tokio::test]
async fn the_target_of_a_link_that_is_made_again_is_found() {
    let mut agent = Agent::at("live", versions(""));
    fs::rename(agent.root.join("v1"), agent.root.join("old")).unwrap();
    fs::rename(agent.root.join("v2"), agent.root.join("v1")).unwrap();
    assert_eq!(agent.settled().await, ["shop in force"]);
    assert_eq!(agent.work_mem("shop"), "16MB");
}

#[tokio::test]
async fn a_mounted_config_map_that_is_replaced_is_one_pass() {
    let mut agent = Agent::at("map", |directory| {
        fs::create_dir_all(directory.join("..2026_1")).unwrap();
        fs::write(directory.join("..2026_1/x.yaml"), manifest("shop", "8MB")).unwrap();
        symlink("..2026_1", directory.join("..data")).unwrap();
        symlink("..data/x.yaml", directory.join("x.yaml")).unwrap();
    });
    // As the kubelet does it.
    fs::create_dir(agent.file("..2026_2")).unwrap();
    fs::write(agent.file("..2026_2/x.yaml"), manifest("shop", "16MB")).unwrap();
    symlink("..2026_2", agent.file("..data_tmp")).unwrap();
    fs::rename(agent.file("..data_tmp"), agent.file("..data")).unwrap();
    fs::remove_dir_all(agent.file("..2026_1")).unwrap();
    assert_eq!(agent.settled().await, ["shop in force"]);
    assert_eq!(agent.work_mem("shop"), "16MB");
}

#[tokio::test]
async fn the_file_that_a_manifest_links_to_is_watched() {
    let mut agent = Agent::at("desired", |directory| {
        fs::create_dir(directory).unwrap();
        let elsewhere = directory.with_file_name("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join("shop.txt"), manifest("shop", "8MB")).unwrap();
        symlink("../elsewhere/shop.txt", directory.join("x.yaml")).unwrap();
    });
    fs::write(
        agent.root.join("elsewhere/shop.txt"),
        manifest("shop", "16MB"),
    )
    .unwrap();
    assert_eq!(agent.settled().await, ["shop in force"]);
}
