//! Imports run one way, and the ground floor touches nothing.

use crate::code::{File, files, paths};

/// The rooms from left to right; those in one line are equals and may not name each other.
const ROOMS: [&[&str]; 15] = [
    &["api"],
    &["facts"],
    &["catalogue"],
    &["tune"],
    &["diff"],
    &["plan"],
    &["report"],
    &["host"],
    &["client"],
    &["source", "observe", "act", "store"],
    &["reconcile"],
    &["sim"],
    &["controller"],
    &["telemetry"],
    &["cli"],
];
/// The rooms that think. Everything they know arrives as an argument.
const GROUND_FLOOR: [&str; 7] = [
    "api",
    "facts",
    "catalogue",
    "tune",
    "diff",
    "plan",
    "report",
];
/// What the container door may use: it is built without the first floor.
const DOOR_MAY_USE: [&str; 5] = ["api", "facts", "catalogue", "tune", "host"];
/// What thinking does not do, as the beginning of a path.
const TOUCHES_THE_WORLD: [&str; 14] = [
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "std::io::stdin",
    "std::io::stdout",
    "std::os::unix::net",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "std::net::ToSocketAddrs",
    "std::time::SystemTime",
    "std::time::Instant",
    "rustix",
];
/// The same as single words, whatever their path: runtimes, clocks, logging.
const WORDS_OF_THE_WORLD: [&str; 8] = [
    "tokio",
    "bollard",
    "tracing",
    "SystemTime",
    "Instant",
    "tokio_postgres",
    "println",
    "eprintln",
];

fn place(room: &str) -> Option<usize> {
    ROOMS.iter().position(|equals| equals.contains(&room))
}

/// The rooms that a file names through `crate` (or `aza_agent`, from the doors).
fn rooms_named(file: &File, root: &str) -> Vec<String> {
    let all = paths(&file.code);
    let named = all.iter().filter(|path| path.len() > 1 && path[0] == root);
    let mut rooms: Vec<String> = named.map(|path| path[1].clone()).collect();
    rooms.sort();
    rooms.dedup();
    rooms
}

#[test]
fn a_room_names_only_rooms_to_its_left() {
    let mut wrong = Vec::new();
    for file in files("src") {
        let room = file.room();
        if ["lib", "main", "bin"].contains(&room.as_str()) {
            continue;
        }
        let Some(here) = place(&room) else {
            wrong.push(format!(
                "{}: the room `{room}` has no place in the table",
                file.path.display()
            ));
            continue;
        };
        for named in rooms_named(&file, "crate")
            .iter()
            .filter(|named| **named != room)
        {
            match place(named) {
                Some(there) if there < here => {}
                Some(_) => wrong.push(format!(
                    "{}: {room} may not name {named}",
                    file.path.display()
                )),
                None => wrong.push(format!(
                    "{}: `crate::{named}` is no room",
                    file.path.display()
                )),
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "imports run one way (src/lib.rs):\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_doors_use_only_what_is_theirs() {
    let mut wrong = Vec::new();
    for file in files("src")
        .iter()
        .filter(|file| ["main", "bin"].contains(&file.room().as_str()))
    {
        let allowed: &[&str] = if file.room() == "main" {
            &["cli"]
        } else {
            &DOOR_MAY_USE
        };
        let named = rooms_named(file, "aza_agent");
        wrong.extend(
            named
                .iter()
                .filter(|named| !allowed.contains(&named.as_str()))
                .map(|named| format!("{} may not name {named}", file.path.display())),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nobody_leaves_a_room_through_super_super() {
    // `super::super` from a file of a room is the crate: the way round the table.
    let mut wrong = Vec::new();
    for file in files("src").iter().filter(|file| !file.is_for_tests()) {
        let depth = file.path.components().count();
        let climbs = paths(&file.production()).iter().any(|path| {
            path.iter().take_while(|word| *word == "super").count() > depth.saturating_sub(3).max(1)
        });
        if climbs {
            wrong.push(file.path.display().to_string());
        }
    }
    assert!(
        wrong.is_empty(),
        "say `crate::…` instead:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_ground_floor_touches_nothing() {
    let mut wrong = Vec::new();
    for file in files("src") {
        if !GROUND_FLOOR.contains(&file.room().as_str()) || file.is_for_tests() {
            continue;
        }
        for path in paths(&file.production()) {
            let said = path.join("::");
            let begins = |with: &str| said == with || said.starts_with(&format!("{with}::"));
            let touches = TOUCHES_THE_WORLD.iter().any(|with| begins(with))
                || path
                    .iter()
                    .any(|word| WORDS_OF_THE_WORLD.contains(&word.as_str()))
                || said.ends_with("Timestamp::now");
            if touches {
                wrong.push(format!("{}: {said}", file.path.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "take it as an argument instead:\n{}",
        wrong.join("\n")
    );
}
