//! What a container is told: environment variables, their files, initdb's arguments, names of init scripts.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use aza_agent::api::declared::Declared;

use crate::door::environment::Environment;
use crate::door::kind::{Kind, kind};
use crate::door::words;
use crate::run::{Target, run};

/// The input is lines of `NAME=VALUE`; of a name that ends with `_FILE`, the value is what stands in the file.
fn read(input: &[u8], file: &Path) {
    let mut table: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for line in input.split(|b| *b == b'\n') {
        let at = line.iter().position(|b| *b == b'=').unwrap_or(line.len());
        let name = String::from_utf8_lossy(&line[..at]).into_owned();
        table.insert(name, line.get(at + 1..).unwrap_or_default().to_vec());
    }
    let content = table.iter().find(|(name, _)| name.ends_with("_FILE"));
    fs::write(file, content.map_or(&[][..], |(_, content)| content)).unwrap();
    let lookup = |name: &str| {
        let value = table.get(name)?.clone();
        Some(if name.ends_with("_FILE") {
            file.as_os_str().to_owned()
        } else {
            OsString::from_vec(value)
        })
    };
    match Environment::read(&lookup) {
        Ok(environment) => {
            assert!(environment.user.len() <= 63 && !environment.user.is_empty());
            assert!(!environment.database.chars().any(char::is_control));
            assert!(!environment.pgdata.as_os_str().is_empty());
            let names = environment.preload.unwrap_or_default();
            assert!(names.iter().all(|name| !name.contains(',')));
            let _ = words::split(&environment.initdb_args);
        }
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
}

#[test]
fn environment() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");
    let corpus = [
        "POSTGRES_PASSWORD=x\nPOSTGRES_USER=alice\nPOSTGRES_DB=shop\nPOSTGRES_MEMORY=2GB",
        "POSTGRES_PASSWORD_FILE=secret\nPOSTGRES_INITDB_ARGS=--a \"b c\" 'd' e\\ f",
        "POSTGRES_WORKLOAD=web\nPOSTGRES_STORAGE=ssd\nPOSTGRES_SHARED_PRELOAD_LIBRARIES=a, \"b\" ,c",
        "PGDATA=/var/lib/postgresql/18/docker\nDISABLE_DATA_CHECKSUMS=true\nPOSTGRES_MEMORY=768",
        "POSTGRES_USER_FILE=x\nPOSTGRES_HOST_AUTH_METHOD=trust",
    ];
    run(&Target {
        name: "environment",
        few: 3000,
        corpus: corpus.iter().map(|text| text.as_bytes().to_vec()).collect(),
        words: vec![
            "\nPOSTGRES_USER=",
            "\nPOSTGRES_MEMORY=",
            "_FILE=",
            "\nPOSTGRES_INITDB_ARGS=",
            "GB",
            ",\"",
            "\\",
        ],
        check: &|input| read(input, &file),
    });
}

fn script(input: &[u8]) {
    // A file's name holds neither.
    let name: Vec<u8> = input
        .iter()
        .copied()
        .filter(|b| *b != b'/' && *b != 0)
        .collect();
    let path = Path::new("/docker-entrypoint-initdb.d").join(std::ffi::OsStr::from_bytes(&name));
    for executable in [false, true] {
        let found = kind(&path, executable);
        if name.starts_with(b".") || name.is_empty() {
            assert_eq!(found, Kind::Ignored);
        }
        assert_eq!(
            found == Kind::Run,
            executable && name.ends_with(b".sh") && !name.starts_with(b".")
        );
    }
}

#[test]
fn initdb_names() {
    let corpus = [
        "10-a.sh",
        "20-b.sql",
        "c.sql.gz",
        "d.sql.xz",
        "e.sql.zst",
        ".f.sql",
        "README.md",
    ];
    run(&Target {
        name: "initdb_names",
        few: 5000,
        corpus: corpus.iter().map(|text| text.as_bytes().to_vec()).collect(),
        words: vec![
            ".sh", ".sql", ".gz", ".xz", ".zst", ".", "\u{202e}", "~", "-",
        ],
        check: &script,
    });
}

fn declared(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    if let Ok(declared) = Declared::parse(text) {
        assert_eq!(
            Declared::parse(&declared.render()).as_ref().ok(),
            Some(&declared)
        );
    }
}

#[test]
fn declared_file() {
    let real =
        "version = 1\nmemory = 2GB\ncpus = 1\nworkload = web\nstorage = ssd\npreload = a,b\n";
    run(&Target {
        name: "declared_file",
        few: 5000,
        corpus: vec![real.as_bytes().to_vec()],
        words: vec![
            "memory = ",
            "cpus = ",
            "preload = ",
            "a, b",
            "version = 2\n",
            "\n",
            "=",
        ],
        check: &declared,
    });
}
