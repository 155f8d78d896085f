//! Files and stacks that move: nothing is gone that is only elsewhere.

use super::*;

fn two_stacks() -> Agent {
    Agent::with(&[
        ("a.yaml", manifest("shop", "8MB")),
        ("b.yaml", manifest("blog", "8MB")),
    ])
}

#[tokio::test]
async fn a_renamed_file_is_one_pass_with_a_new_origin() {
    let mut agent = two_stacks();
    fs::rename(agent.file("a.yaml"), agent.file("c.yaml")).unwrap();
    assert_eq!(agent.settled().await, ["shop in force"]);
    assert!(agent.standing("shop").desired.origin.ends_with("c.yaml:1"));
    assert_eq!(agent.later(120), [""; 0], "and nothing is gone");
}

#[tokio::test]
async fn a_stack_that_moves_between_files_is_never_gone() {
    let mut agent = two_stacks();
    // Out of one file, into the other: two saves, the name is nowhere between them.
    fs::write(agent.file("a.yaml"), "").unwrap();
    agent.live(CALM).await;
    assert_eq!(agent.later(30), [""; 0]);
    let both = format!(
        "{}---\n{}",
        manifest("blog", "8MB"),
        manifest("shop", "8MB")
    );
    fs::write(agent.file("b.yaml"), both).unwrap();
    assert_eq!(agent.settled().await, ["shop in force"]);
    assert_eq!(agent.later(120), [""; 0]);
    assert!(agent.standing("shop").desired.origin.contains("b.yaml"));
}

#[tokio::test]
async fn two_saves_within_the_quiet_time_are_one_pass() {
    let mut agent = two_stacks();
    let both = format!(
        "{}---\n{}",
        manifest("blog", "8MB"),
        manifest("shop", "8MB")
    );
    fs::write(agent.file("b.yaml"), both).unwrap();
    fs::remove_file(agent.file("a.yaml")).unwrap();
    assert_eq!(agent.settled().await, ["shop in force"]);
}

#[tokio::test]
async fn two_files_with_one_name_are_refused_until_one_is_gone() {
    let mut agent = two_stacks();
    fs::write(agent.file("c.yaml"), manifest("shop", "16MB")).unwrap();
    assert_eq!(agent.settled().await, ["shop refused"]);
    assert_eq!(agent.work_mem("shop"), "8MB", "the last valid one");
    let why = agent.standing("shop").rejected.clone().unwrap();
    assert!(why.contains("a.yaml") && why.contains("c.yaml"), "{why}");
    fs::remove_file(agent.file("a.yaml")).unwrap();
    assert_eq!(agent.settled().await, ["shop in force"]);
    assert_eq!(agent.work_mem("shop"), "16MB");
}

#[tokio::test]
async fn a_directory_that_is_made_again_ends_nothing() {
    let mut agent = two_stacks();
    fs::remove_dir_all(&agent.directory).unwrap();
    agent.live(CALM).await;
    assert_eq!(
        agent.later(600),
        [""; 0],
        "a vanished directory is never gone"
    );
    fs::create_dir(&agent.directory).unwrap();
    agent.live(CALM).await;
    fs::write(agent.file("a.yaml"), manifest("shop", "16MB")).unwrap();
    fs::write(agent.file("b.yaml"), manifest("blog", "8MB")).unwrap();
    assert_eq!(agent.settled().await, ["shop in force"]);
}

#[tokio::test]
async fn an_emptied_directory_is_reported_and_its_first_file_ends_no_other() {
    let mut agent = two_stacks();
    fs::remove_file(agent.file("a.yaml")).unwrap();
    fs::remove_file(agent.file("b.yaml")).unwrap();
    agent.is_calm().await;
    assert_eq!(agent.later(60), ["blog gone", "shop gone"]);
    let is_last = |s: &Standing| s.gone == Gone::Last;
    assert!(agent.standings.values().all(is_last));
    fs::write(agent.file("a.yaml"), manifest("shop", "8MB")).unwrap();
    assert_eq!(agent.settled().await, ["shop in force"]);
    assert!(
        is_last(agent.standing("blog")),
        "its minute begins only now"
    );
}
