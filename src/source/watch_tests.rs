//! What wakes the agent, and what does not, on a real file system.

use std::fs;
use std::os::unix::fs::symlink;

use tokio::time::timeout;

use super::*;

/// Longer than any debounce, shorter than patience.
const LONG: Duration = Duration::from_secs(3);
const SHORT: Duration = Duration::from_millis(400);

/// A directory in a directory, and a watch on it.
fn watched() -> (tempfile::TempDir, PathBuf, Watch) {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("desired-state");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("a.yaml"), "a").unwrap();
    let watch = Watch::start(&directory).unwrap();
    (root, directory, watch)
}

async fn wakes(watch: &mut Watch) -> bool {
    timeout(LONG, watch.changed())
        .await
        .is_ok_and(|changed| changed.is_ok())
}

async fn sleeps(watch: &mut Watch) -> bool {
    timeout(SHORT, watch.changed()).await.is_err()
}

#[tokio::test]
async fn a_saved_file_wakes_once() {
    let (_root, directory, mut watch) = watched();
    for _ in 0..5 {
        fs::write(directory.join("a.yaml"), "b").unwrap();
    }
    fs::write(directory.join(".a.yaml.tmp"), "c").unwrap();
    fs::rename(directory.join(".a.yaml.tmp"), directory.join("a.yaml")).unwrap();
    assert!(wakes(&mut watch).await);
    assert!(sleeps(&mut watch).await, "one save is one change");
}

#[tokio::test]
async fn reading_does_not_wake() {
    let (_root, directory, mut watch) = watched();
    fs::read(directory.join("a.yaml")).unwrap();
    fs::read_dir(&directory).unwrap().for_each(drop);
    crate::source::read(&directory).unwrap();
    assert!(sleeps(&mut watch).await);
}

#[tokio::test]
async fn a_neighbour_of_the_directory_does_not_wake() {
    let (root, _directory, mut watch) = watched();
    fs::write(root.path().join("neighbour"), "x").unwrap();
    assert!(sleeps(&mut watch).await);
}

#[tokio::test]
async fn a_removed_file_wakes() {
    let (_root, directory, mut watch) = watched();
    fs::remove_file(directory.join("a.yaml")).unwrap();
    assert!(wakes(&mut watch).await);
}

#[tokio::test]
async fn a_directory_that_is_made_again_is_watched_again() {
    let (_root, directory, mut watch) = watched();
    fs::remove_dir_all(&directory).unwrap();
    assert!(wakes(&mut watch).await);
    fs::create_dir(&directory).unwrap();
    assert!(wakes(&mut watch).await);
    fs::write(directory.join("b.yaml"), "b").unwrap();
    assert!(wakes(&mut watch).await);
}

#[tokio::test]
async fn a_directory_that_is_not_there_yet_wakes_when_it_comes() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("later");
    let mut watch = Watch::start(&directory).unwrap();
    fs::create_dir(&directory).unwrap();
    assert!(wakes(&mut watch).await);
    fs::write(directory.join("a.yaml"), "a").unwrap();
    assert!(wakes(&mut watch).await);
}

#[tokio::test]
async fn a_swapped_link_is_followed_to_its_new_target() {
    let root = tempfile::tempdir().unwrap();
    let (old, new) = (root.path().join("v1"), root.path().join("v2"));
    fs::create_dir(&old).unwrap();
    fs::create_dir(&new).unwrap();
    let link = root.path().join("current");
    symlink(&old, &link).unwrap();
    let mut watch = Watch::start(&link).unwrap();
    let next = root.path().join("next");
    symlink(&new, &next).unwrap();
    fs::rename(&next, &link).unwrap();
    assert!(wakes(&mut watch).await);
    fs::write(new.join("a.yaml"), "a").unwrap();
    assert!(wakes(&mut watch).await, "the new target");
    fs::write(old.join("a.yaml"), "a").unwrap();
    assert!(sleeps(&mut watch).await, "the old one no more");
}

#[tokio::test]
async fn a_change_is_not_lost_when_waiting_is_given_up() {
    let (_root, directory, mut watch) = watched();
    fs::write(directory.join("a.yaml"), "b").unwrap();
    let barely = timeout(Duration::from_millis(20), watch.changed()).await;
    assert!(barely.is_err(), "still waiting for quiet");
    assert!(wakes(&mut watch).await);
}

#[tokio::test]
async fn a_change_that_goes_on_is_told_all_the_same() {
    let (_root, directory, mut watch) = watched();
    let writer = tokio::spawn(async move {
        for number in 0..200 {
            fs::write(directory.join("a.yaml"), number.to_string()).unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let begun = Instant::now();
    assert!(wakes(&mut watch).await);
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    writer.abort();
}

#[test]
fn an_exhausted_kernel_says_what_to_raise() {
    let wrong = failed(
        Path::new("/x"),
        notify::Error::new(ErrorKind::MaxFilesWatch),
    );
    assert!(
        wrong.to_string().contains("fs.inotify.max_user_watches"),
        "{wrong}"
    );
    let instances = notify::Error::io(std::io::Error::from_raw_os_error(24));
    assert!(matches!(
        failed(Path::new("/x"), instances),
        WatchError::Exhausted { .. }
    ));
}
