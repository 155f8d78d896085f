//! No inotify watch is left: in a user namespace, which has limits of its own.

use std::process::Command;

use super::*;

/// Tells the child that it is one.
const CHILD: &str = "AZA_TEST_EXHAUSTED";
const INSTANCES: &str = "/proc/sys/user/max_inotify_instances";
const WATCHES: &str = "/proc/sys/user/max_inotify_watches";

/// Run by the next test in a user namespace.
#[tokio::test]
async fn falls_back_and_comes_back() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    for limit in [INSTANCES, WATCHES] {
        fs::write(limit, "0").unwrap();
        let mut agent = Agent::with(&[("a.yaml", manifest("shop", "8MB"))]);
        assert_eq!(agent.standings.len(), 1, "read all the same");
        let why = agent.source.unwatched().unwrap().to_owned();
        assert!(why.contains("fs.inotify.max_user_watches"), "{why}");
        // A rescan finds the change.
        fs::write(agent.file("a.yaml"), manifest("shop", "16MB")).unwrap();
        assert_eq!(agent.later(60), ["shop in force"], "{limit}");
        fs::write(limit, "1000").unwrap();
        agent.read();
        assert_eq!(agent.source.unwatched(), None);
        agent.ahead = Duration::ZERO;
        fs::write(agent.file("a.yaml"), manifest("shop", "32MB")).unwrap();
        assert_eq!(
            agent.settled().await,
            ["shop in force"],
            "by an event again"
        );
        // They run out while it watches: a new directory cannot be watched.
        fs::write(limit, "0").unwrap();
        fs::rename(&agent.directory, agent.root.join("old")).unwrap();
        fs::create_dir(&agent.directory).unwrap();
        fs::write(agent.file("a.yaml"), manifest("shop", "64MB")).unwrap();
        if limit == WATCHES {
            agent.live(CALM).await;
            assert!(agent.source.unwatched().is_some(), "half a watch is none");
        }
        agent.later(60);
        assert_eq!(agent.work_mem("shop"), "64MB");
        fs::write(limit, "1000").unwrap();
    }
    println!("all of it was done");
}

#[test]
fn exhausted_watches_are_survived_and_told() {
    let child = Command::new("unshare")
        .args(["--user", "--map-root-user"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("controller::directory_tests::exhausted::falls_back_and_comes_back")
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    let wrong = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{said}{wrong}");
    assert!(said.contains("all of it was done"), "{said}{wrong}");
}
