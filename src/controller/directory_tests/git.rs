//! Real `git` in the directory.

use std::process::Command;

use super::*;

fn git(directory: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(["-c", "protocol.file.allow=always", "-C"])
        .arg(directory)
        .args(arguments)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {said}");
}

fn write_ten(directory: &Path, work_mem: &str) {
    for number in 0..10 {
        let name = format!("stack{number}");
        fs::write(
            directory.join(format!("{name}.yaml")),
            manifest(&name, work_mem),
        )
        .unwrap();
    }
}

fn ten_times(what: &str) -> Vec<String> {
    (0..10).map(|n| format!("stack{n} {what}")).collect()
}

/// A repository with ten manifests, the directory being its work tree.
fn repository() -> Agent {
    Agent::at("desired", |directory| {
        fs::create_dir(directory).unwrap();
        git(directory, &["init", "-q"]);
        write_ten(directory, "8MB");
        git(directory, &["add", "."]);
        git(directory, &["commit", "-qm", "one"]);
    })
}

#[tokio::test]
async fn a_pull_that_touches_ten_files_is_one_pass_for_each_stack() {
    let mut agent = Agent::at("desired", |directory| {
        let origin = directory.with_file_name("origin");
        fs::create_dir(&origin).unwrap();
        git(&origin, &["init", "-q"]);
        write_ten(&origin, "8MB");
        git(&origin, &["add", "."]);
        git(&origin, &["commit", "-qm", "one"]);
        git(
            directory.parent().unwrap(),
            &["clone", "-q", "origin", "desired"],
        );
    });
    assert_eq!(agent.standings.len(), 10);
    let origin = agent.root.join("origin");
    write_ten(&origin, "16MB");
    git(&origin, &["commit", "-qam", "two"]);
    let directory = agent.directory.clone();
    let pull = tokio::task::spawn_blocking(move || git(&directory, &["pull", "-q"]));
    let mut turned = agent.settled().await;
    pull.await.unwrap();
    agent.live(CALM).await;
    turned.append(&mut agent.turned);
    turned.sort();
    assert_eq!(turned, ten_times("in force"));
    assert!((0..10).all(|n| agent.work_mem(&format!("stack{n}")) == "16MB"));
}

#[tokio::test]
async fn another_branch_and_back_is_two_passes_and_nothing_is_gone() {
    let mut agent = repository();
    git(&agent.directory, &["checkout", "-qb", "other"]);
    write_ten(&agent.directory, "16MB");
    git(&agent.directory, &["rm", "-qf", "--cached", "stack9.yaml"]);
    fs::remove_file(agent.file("stack9.yaml")).unwrap();
    git(&agent.directory, &["commit", "-qam", "two"]);
    agent.settled().await;
    git(&agent.directory, &["checkout", "-q", "main"]);
    let mut back = agent.settled().await;
    back.sort();
    assert_eq!(back, ten_times("in force")[..9]);
    assert_eq!(agent.work_mem("stack0"), "8MB");
    git(&agent.directory, &["checkout", "-q", "other"]);
    let mut there = agent.settled().await;
    there.sort();
    assert_eq!(there, ten_times("in force")[..9]);
    assert_eq!(agent.later(59), [""; 0], "stack9 is missing, not gone");
}

#[tokio::test]
async fn what_git_does_for_itself_wakes_no_stack() {
    let mut agent = repository();
    git(&agent.directory, &["gc", "-q"]);
    git(&agent.directory, &["status"]);
    agent.is_calm().await;
}
