//! Two hundred manifests.

use super::*;

#[tokio::test]
async fn one_changed_file_of_two_hundred_is_one_pass() {
    let name = |n: usize| format!("stack{n}");
    let files: Vec<(String, String)> = (0..200)
        .map(|n| (format!("{n}.yaml"), manifest(&name(n), "8MB")))
        .collect();
    let files: Vec<(&str, String)> = files.iter().map(|(f, t)| (f.as_str(), t.clone())).collect();
    let first = Instant::now();
    let mut agent = Agent::with(&files);
    let first = first.elapsed();
    assert_eq!(agent.standings.len(), 200);
    fs::write(agent.file("77.yaml"), manifest("stack77", "16MB")).unwrap();
    assert_eq!(agent.settled().await, ["stack77 in force"]);
    let begun = Instant::now();
    agent.read();
    let quiet = begun.elapsed();
    println!("first reading {first:?}, a quiet one {quiet:?}");
    // Only what changed is parsed again; without optimization everything takes ten times as long.
    assert!(quiet < first / 2, "{quiet:?} of {first:?}");
    assert!(quiet < Duration::from_millis(if cfg!(debug_assertions) { 500 } else { 50 }));
}
