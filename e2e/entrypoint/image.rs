//! The image itself: what is in it, what is not, how large, how fast it is made again.

use crate::container::{docker, image, run};

#[test]
fn the_image_is_small_and_holds_no_compiler_documentation_or_lists() {
    let size: u64 = docker(&["image", "inspect", "--format", "{{.Size}}", &image()])
        .trim()
        .parse()
        .unwrap();
    assert!(size <= 280_000_000, "{size}");
    let line = "ls /usr/bin/cc /usr/bin/gcc /usr/bin/clang 2>/dev/null; ls -A /var/lib/apt/lists; \
                find /usr/share/man /usr/share/info -type f 2>/dev/null";
    let found = docker(&["run", "--rm", "--entrypoint=sh", &image(), "-c", line]);
    assert_eq!(found, "");
}

#[test]
fn the_image_says_how_it_runs() {
    let format = "{{.Config.User}} {{.Config.StopSignal}} {{.Config.Healthcheck.Test}} {{.Config.Volumes}} {{.Config.ExposedPorts}} \
                  {{index .Config.Labels \"dev.aza.tuning-revision\"}}";
    let said = docker(&["image", "inspect", "--format", format, &image()]);
    let revision = aza_agent::tune::REVISION;
    assert_eq!(
        said.trim(),
        format!(
            "postgres SIGINT [CMD aza-entrypoint healthcheck] map[/var/lib/postgresql:{{}}] map[5432/tcp:{{}}] {revision}"
        )
    );
    let users = docker(&[
        "run",
        "--rm",
        "--entrypoint=sh",
        &image(),
        "-c",
        "id -u; id -g; locale -a | grep en_US; stat -c %u /var/lib/postgresql",
    ]);
    assert_eq!(
        users.split_whitespace().collect::<Vec<_>>(),
        ["999", "999", "en_US.utf8", "999"]
    );
}

#[test]
fn every_extension_in_the_image_can_be_created() {
    let server = run("contrib").serve();
    // Where two exclude each other or need a database of their own, each gets one.
    let names = server.sql(
        "SELECT name FROM pg_available_extensions WHERE installed_version IS NULL ORDER BY name",
    );
    assert!(names.lines().count() > 40, "{names}");
    for name in names.lines() {
        server.sql(&format!("CREATE EXTENSION \"{name}\" CASCADE"));
    }
}

#[cfg(feature = "agent")]
#[test]
fn an_unchanged_image_is_made_again_in_three_seconds() {
    use aza_agent::cli::image::{BuildOptions, build};
    let options = BuildOptions {
        entrypoint: Some(env!("CARGO_BIN_EXE_aza-entrypoint").into()),
        tag: Some(format!("aza-test-image:{}", std::process::id())),
        ..BuildOptions::default()
    };
    let first = build(&options).unwrap();
    let second = build(&options).unwrap();
    docker(&["image", "rm", &first.tag]);
    assert!(first.changed && !second.changed);
    assert_eq!(first.id, second.id);
    assert!(second.took.as_secs_f64() <= 3.0, "{:?}", second.took);
}
