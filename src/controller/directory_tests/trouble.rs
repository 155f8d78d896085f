//! Files that cannot be read or are none, beside one that is good.

use std::os::unix::fs::symlink;

use super::*;

/// Puts something bad in the place of one of two manifests: the other goes on, and nothing is gone.
async fn is_survived(make: impl FnOnce(&Path)) {
    let mut agent = Agent::with(&[
        ("a.yaml", manifest("shop", "8MB")),
        ("b.yaml", manifest("blog", "8MB")),
    ]);
    fs::remove_file(agent.file("a.yaml")).unwrap();
    make(&agent.file("a.yaml"));
    fs::write(agent.file("b.yaml"), manifest("blog", "16MB")).unwrap();
    let mut turned = agent.settled().await;
    turned.sort();
    assert_eq!(turned, ["blog in force", "shop refused"]);
    assert_eq!(agent.work_mem("shop"), "8MB");
    assert!(
        agent
            .intake
            .rejected
            .iter()
            .any(|why| why.contains("a.yaml"))
    );
    assert_eq!(agent.later(60), [""; 0]);
    assert_eq!(agent.later(600), [""; 0], "unreadable is not gone");
    let _ = fs::remove_file(agent.file("a.yaml"));
    fs::write(agent.file("a.yaml"), manifest("shop", "8MB")).unwrap();
    agent.ahead = Duration::ZERO;
    assert_eq!(agent.settled().await, ["shop in force"]);
}

#[tokio::test]
async fn a_dangling_link_is_survived() {
    is_survived(|path| symlink("/nowhere", path).unwrap()).await;
}

#[tokio::test]
async fn a_link_to_itself_is_survived() {
    is_survived(|path| symlink(path, path).unwrap()).await;
}

#[tokio::test]
async fn a_pipe_is_survived() {
    is_survived(|path| {
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    })
    .await;
}

#[tokio::test]
async fn invalid_utf_8_is_survived() {
    is_survived(|path| fs::write(path, b"metadata: {name: \xff}\n").unwrap()).await;
}

#[tokio::test]
async fn a_file_that_is_too_large_is_survived() {
    is_survived(|path| fs::write(path, "# too much\n".repeat(1 << 17)).unwrap()).await;
}

#[tokio::test]
async fn a_syntax_error_is_survived() {
    is_survived(|path| fs::write(path, "metadata: [\n").unwrap()).await;
}

#[tokio::test]
async fn a_link_to_a_directory_is_no_manifest_and_ends_nothing_at_once() {
    let mut agent = Agent::with(&[
        ("a.yaml", manifest("shop", "8MB")),
        ("b.yaml", manifest("blog", "8MB")),
    ]);
    fs::create_dir(agent.file("c.yaml")).unwrap();
    fs::write(agent.file("c.yaml/d.yaml"), manifest("other", "8MB")).unwrap();
    agent.is_calm().await;
    assert_eq!(agent.later(600), [""; 0]);
}

#[tokio::test]
async fn a_file_that_stays_open_is_told_and_nothing_is_gone() {
    use std::io::Write;
    let mut agent = Agent::with(&[("a.yaml", manifest("shop", "8MB"))]);
    let text = manifest("shop", "16MB");
    let (first, rest) = text.split_at(text.find("  settings:").unwrap());
    let mut typing = fs::File::create(agent.file("a.yaml")).unwrap();
    typing.write_all(first.as_bytes()).unwrap();
    agent.is_calm().await;
    assert_eq!(agent.later(10), [""; 0]);
    assert!(agent.intake.rejected[0].contains("still being written"));
    assert_eq!(agent.later(300), [""; 0], "a person thinks");
    typing.write_all(rest.as_bytes()).unwrap();
    drop(typing);
    assert_eq!(agent.settled().await, ["shop in force"]);
    assert_eq!(agent.work_mem("shop"), "16MB");
    assert_eq!(agent.intake.rejected, [""; 0]);
}
