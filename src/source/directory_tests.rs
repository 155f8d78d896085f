//! What a directory of manifests comes to, and what hostile files in it cost.

use std::os::unix::fs::symlink;
use std::time::Instant;

use super::*;

fn manifest(name: &str) -> String {
    format!(
        "apiVersion: aza.dev/v1alpha1\nkind: PostgresStack\nmetadata:\n  name: {name}\nspec:\n  \
         workload: web\n"
    )
}

/// A directory with these files.
fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

fn names(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.stacks().map(|stack| stack.name.as_str()).collect()
}

#[test]
fn only_manifests_are_read() {
    let good = manifest("good");
    let no = manifest("no");
    let directory = directory(&[
        ("a.yaml", &good),
        ("b.yml", &manifest("also")),
        (".hidden.yaml", &no),
        (".#lock.yaml", &no),
        ("#save#.yaml", &no),
        ("a.yaml~", &no),
        ("a.yaml.swp", &no),
        ("README.md", "no"),
    ]);
    fs::create_dir(directory.path().join("examples")).unwrap();
    fs::write(directory.path().join("examples/c.yaml"), &no).unwrap();
    fs::create_dir(directory.path().join("directory.yaml")).unwrap();
    let snapshot = read(directory.path()).unwrap();
    assert_eq!(names(&snapshot), ["good", "also"]);
    assert!(snapshot.is_complete());
}

#[test]
fn one_bad_file_never_hides_a_good_one() {
    let directory = directory(&[
        ("a.yaml", "spec: [\n"),
        ("b.yaml", &manifest("good")),
        ("c.yaml", &manifest("Bad Name")),
    ]);
    symlink("/nowhere", directory.path().join("d.yaml")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        directory.path().join("pipe.yaml"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let snapshot = read(directory.path()).unwrap();
    assert_eq!(names(&snapshot), ["good"]);
    assert_eq!(snapshot.files.len(), 5);
    assert!(!snapshot.is_complete());
    let pipe = snapshot.files[4].content.as_ref().unwrap_err();
    assert!(
        pipe.to_string()
            .ends_with("pipe.yaml`: it is no regular file"),
        "{pipe}"
    );
}

#[test]
fn a_stack_with_a_mistake_is_still_there() {
    let bad = manifest("shop").replace("web", "wab");
    let snapshot = read(directory(&[("a.yaml", &bad)]).path()).unwrap();
    assert!(names(&snapshot).is_empty());
    assert!(
        snapshot.is_complete(),
        "its name can be read, so it is not gone"
    );
}

#[test]
fn a_linked_directory_is_followed() {
    let target = directory(&[("a.yaml", &manifest("good"))]);
    let other = tempfile::tempdir().unwrap();
    let link = other.path().join("desired-state");
    symlink(target.path(), &link).unwrap();
    assert_eq!(names(&read(&link).unwrap()), ["good"]);
}

#[test]
fn a_missing_directory_is_an_error_and_an_empty_one_is_not() {
    let empty = tempfile::tempdir().unwrap();
    assert!(read(empty.path()).unwrap().files.is_empty());
    let wrong = read(&empty.path().join("missing")).unwrap_err();
    assert!(wrong.to_string().contains("--desired-state"), "{wrong}");
}

#[test]
fn every_example_is_valid_and_sets_a_workload() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("desired-state");
    let active = read(&root).unwrap();
    assert_eq!(names(&active), ["main"], "one active manifest");
    let examples = read(&root.join("examples")).unwrap();
    assert!(examples.files.len() >= 5);
    for file in active.files.iter().chain(&examples.files) {
        let report = file.content.as_ref().unwrap();
        let violations: Vec<String> = report.violations().map(ToString::to_string).collect();
        assert_eq!(violations, Vec::<String>::new());
        assert!(report.stacks().count() > 0, "{}", report.file);
        assert!(
            report.stacks().all(|stack| stack.workload.is_some()),
            "{}",
            report.file
        );
        let text = fs::read_to_string(&file.path).unwrap();
        let line = text.lines().next().unwrap();
        assert!(
            line.starts_with("# yaml-language-server: $schema="),
            "{}",
            report.file
        );
    }
    let all: Vec<&Desired> = active.stacks().chain(examples.stacks()).collect();
    assert_eq!(
        crate::api::clash::clashes(all),
        [],
        "all of them together on one host"
    );
}

/// Files that want to cost us time or memory.
fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    const MIB: usize = 1 << 20;
    let repeated = |text: &str| text.repeat(MIB / text.len() - 1).into_bytes();
    let after = |head: &str, text: &str| [head.as_bytes(), &repeated(text)[head.len()..]].concat();
    let laughs: String = (1..12)
        .map(|n| {
            format!(
                "a{n}: &a{n} [{}]\n",
                vec![format!("*a{}", n - 1); 10].join(",")
            )
        })
        .collect();
    let typos: String = (0..4900).map(|n| format!("    work_mme{n}: 1\n")).collect();
    let unloaded: String = (0..4900).map(|n| format!("    x.y{n}: 1\n")).collect();
    let documents = manifest("shop") + "---\n";
    vec![
        (
            "a billion laughs",
            format!("a0: &a0 [x]\n{laughs}").into_bytes(),
        ),
        ("merge keys", b"a: &a {b: c}\nd: {<<: *a}\n".to_vec()),
        ("deep lists", repeated("[")),
        ("deep maps", repeated("{a: ")),
        ("deep compact lists", repeated("- ")),
        (
            "deep indentation",
            (0..1400)
                .flat_map(|n| format!("{}a:\n", " ".repeat(n)).into_bytes())
                .collect(),
        ),
        ("questions", repeated("? ")),
        ("wide list", after("a: [", "1,")),
        (
            "wide map",
            (0..90_000)
                .flat_map(|n| format!("k{n}: 1\n").into_bytes())
                .collect(),
        ),
        ("many documents", repeated(&documents)),
        ("empty documents", repeated("---\n")),
        ("one long word", repeated("a")),
        (
            "one long key",
            after("", "k").into_iter().chain(*b": v").collect(),
        ),
        (
            "one long quoted word",
            after("a: \"", "b").into_iter().chain(*b"\"").collect(),
        ),
        ("one long block", after("a: |\n", " b\n")),
        ("a quote that never ends", repeated("\"a ")),
        ("comments", repeated("# c\n")),
        ("line ends", repeated("\n")),
        ("carriage returns", repeated("\r")),
        ("blanks", repeated(" ")),
        ("tabs", repeated("\t")),
        ("colons", repeated(":")),
        ("colons apart", repeated(": ")),
        ("anchors", repeated("&a ")),
        ("tags", repeated("!a ")),
        ("directives", repeated("%TAG ! x\n")),
        ("brackets", repeated("[]{}")),
        ("NUL", b"a: b\0c\n".to_vec()),
        ("NULs", vec![0; MIB]),
        ("escape", b"a: \x1b[31m\n".to_vec()),
        ("invalid UTF-8", b"a: \xff\xfe\n".to_vec()),
        (
            "UTF-16",
            "a: b\n".encode_utf16().flat_map(u16::to_le_bytes).collect(),
        ),
        (
            "random bytes",
            (0..MIB as u32)
                .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
                .collect(),
        ),
        ("too large", vec![b'#'; 3 * MIB]),
        (
            "typos",
            format!("{}  settings:\n{typos}", manifest("shop")).into_bytes(),
        ),
        (
            "unknown extensions",
            format!("{}  settings:\n{unloaded}", manifest("shop")).into_bytes(),
        ),
        ("multi-byte", repeated("é: ü\n")),
    ]
}

/// What names the directory to the child that measures itself.
const DIRECTORY: &str = "AZA_TEST_HOSTILE";

/// The most memory that this process has ever had, in kB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Run by the next test in a process of its own, whose peak nothing else has raised.
#[test]
fn measures_one_look() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let (before, begun) = (peak(), Instant::now());
    let snapshot = read(Path::new(&directory)).unwrap();
    println!(
        "took {} grew {}",
        begun.elapsed().as_millis(),
        peak() - before
    );
    assert_eq!(names(&snapshot).first(), Some(&"good"));
}

/// Returns how many milliseconds and kB a look at the directory takes.
fn cost(directory: &Path) -> (u64, u64) {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "source::directory::tests::measures_one_look",
        ])
        .env(DIRECTORY, directory)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let number = |word: &str| {
        let rest = text.split_once(word).unwrap_or_else(|| panic!("{text}")).1;
        rest.split_whitespace().next().unwrap().parse().unwrap()
    };
    (number("took "), number("grew "))
}

#[test]
fn a_hostile_file_costs_little_and_hides_no_other() {
    // The promise is 100 ms and 20 MB; without optimization everything takes ten times as long.
    let limit = if cfg!(debug_assertions) { 2000 } else { 100 };
    let directory = directory(&[("good.yaml", &manifest("good"))]);
    for (what, bytes) in hostile() {
        let path = directory.path().join("hostile.yaml");
        fs::write(&path, &bytes).unwrap();
        let (took, grew) = cost(directory.path());
        println!("{what}: {took} ms, {grew} kB");
        assert!(took < limit, "{what}: {took} ms");
        assert!(grew < 20 << 10, "{what}: {grew} kB");
        let report = validate(&bytes, "hostile.yaml");
        let harmless = [
            "comments",
            "line ends",
            "carriage returns",
            "blanks",
            "tabs",
            "unknown extensions",
        ];
        let violations = report.violations().count();
        assert_eq!(
            violations == 0,
            harmless.contains(&what),
            "{what}: {violations}"
        );
        assert!(violations <= 20_000, "{what}: {violations}");
    }
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_read() {
    let text = format!("\u{feff}{}", manifest("shop").replace('\n', "\r\n"));
    let snapshot = read(directory(&[("a.yaml", &text)]).path()).unwrap();
    assert_eq!(names(&snapshot), ["shop"]);
    let wrong = text.replace("web", "wab");
    let snapshot = read(directory(&[("a.yaml", &wrong)]).path()).unwrap();
    let violation = snapshot
        .reports()
        .next()
        .unwrap()
        .violations()
        .next()
        .unwrap()
        .clone();
    assert_eq!((violation.line, violation.column), (6, 13));
}
