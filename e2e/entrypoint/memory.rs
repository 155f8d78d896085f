//! What happens when memory runs out: nothing under the load that the settings allow, an error for one that takes too
//! much alone, and a backend's death, never the server's, where many small ones together do.

use std::time::{Duration, Instant};

use aza_agent::api::{Bytes, Workload};
use futures_util::future::join_all;
use tokio_postgres::Client;

use crate::container::{Container, run};
use crate::load::contender::Contender;
use crate::load::{Address, Gauge, load, patient};

#[test]
fn every_connection_of_mixed_at_work_in_1_gb_comes_through() {
    let mixed = Contender::image(Some(Workload::Mixed));
    let seen = load(&mixed, Bytes::gib(1), Duration::from_secs(5));
    let nothing = (
        seen.kills,
        seen.reinitialised,
        seen.ended,
        seen.shm_errors,
        seen.lost,
    );
    assert_eq!(nothing, (0, 0, 0, 0, 0), "{seen:#?}");
    assert!(seen.other_errors.is_empty(), "{seen:#?}");
    assert!(seen.done >= u64::from(seen.sessions), "{seen:#?}");
    let (peak, foretold) = (seen.peak().mb() as f64, seen.budget.total);
    assert!(seen.budget.kept && peak <= seen.budget.limit, "{seen:#?}");
    // Foretold is the worst case; half of it or less would be another bound's job.
    assert!((0.5 * foretold..=foretold).contains(&peak), "{seen:#?}");
}

/// Which start of which server answers.
fn identity(server: &Container) -> (String, String) {
    (
        server.inspect("{{.State.StartedAt}} {{.RestartCount}} {{.State.Pid}}"),
        server.sql("SELECT pg_postmaster_start_time()"),
    )
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

#[test]
fn where_many_small_sessions_exhaust_the_memory_a_backend_dies_and_the_server_lives() {
    // The entrypoint refuses so small a container; one that shrank under a running server is none of its business.
    let server = run("oom").memory("512m").option("--no-healthcheck").serve();
    server.docker(&["update", "--memory=128m", "--memory-swap=128m"]);
    assert_eq!(server.sh("cat /proc/1/oom_score_adj"), "0");
    assert_eq!(
        server.sh("cat /proc/$(pgrep -of checkpointer)/oom_score_adj"),
        "500"
    );
    let before = identity(&server);
    let gauge = Gauge::start(&server);
    let address = Address::of(&server);
    runtime().block_on(async {
        // Each takes some 4 MB for its caches, and none of them much.
        let small = || async {
            let client = address.connect().await.ok()?;
            let looked = client
                .batch_execute("SELECT count(*) FROM information_schema.columns")
                .await;
            looked.ok().map(|()| client)
        };
        let until = Instant::now() + Duration::from_secs(60);
        let mut open: Vec<Client> = Vec::new();
        while open.iter().all(|client| !client.is_closed()) {
            assert!(
                Instant::now() < until,
                "{} sessions, and nobody was killed",
                open.len()
            );
            open.extend(
                join_all((0..5).map(|_| small()))
                    .await
                    .into_iter()
                    .flatten(),
            );
        }
        patient(&address).await;
    });
    assert!(gauge.stop().kills > 0, "{}", server.logs());
    assert!(
        server.logs().contains("was terminated by signal 9"),
        "{}",
        server.logs()
    );
    assert_eq!(identity(&server), before);
}

#[test]
fn a_runaway_query_gets_an_error_and_its_neighbour_does_not_notice() {
    let server = run("runaway").memory("512m").serve();
    let before = identity(&server);
    let gauge = Gauge::start(&server);
    let address = Address::of(&server);
    runtime().block_on(async {
        let (neighbour, runaway) = (patient(&address).await, patient(&address).await);
        let pid = || async {
            let row = neighbour
                .query_one("SELECT pg_backend_pid(), count(*) FROM kept", &[])
                .await
                .unwrap();
            (row.get::<_, i32>(0), row.get::<_, i64>(1))
        };
        neighbour
            .batch_execute("BEGIN; CREATE TABLE kept AS SELECT 42 AS x")
            .await
            .unwrap();
        let at_first = pid().await;
        for aggregate in [
            "array_agg(g || repeat('x', 100))",
            "jsonb_agg(g || repeat('x', 100))",
        ] {
            let query =
                format!("SELECT length({aggregate}::text) FROM generate_series(1, 9000000) g");
            let error = runaway.batch_execute(&query).await.unwrap_err();
            assert_eq!(
                error.code().unwrap().code(),
                "53200",
                "{aggregate}: {error:?}"
            );
            assert_eq!(pid().await, at_first);
        }
        neighbour.batch_execute("COMMIT").await.unwrap();
        runaway.batch_execute("SELECT x FROM kept").await.unwrap();
    });
    assert_eq!(gauge.stop().kills, 0);
    assert_eq!(identity(&server), before);
}

#[test]
fn what_work_mem_and_maintenance_work_mem_allow_is_never_out_of_memory() {
    let server = run("allowed").memory("512m").serve();
    let client = runtime();
    client.block_on(async {
        let client = patient(&Address::of(&server)).await;
        let work = [
            "CREATE TABLE t AS SELECT g AS id, md5(g::text) AS word FROM generate_series(1, 400000) g",
            "ANALYZE t",
            // Far more than the profile gives, by one session: the limit bounds accidents, not work.
            "SET work_mem = '40MB'",
            "SELECT count(*) FROM (SELECT * FROM t ORDER BY word OFFSET 0) s",
            "SELECT count(*) FROM t JOIN t u ON t.word = u.word",
            "SELECT count(*) FROM (SELECT word, max(id) FROM t GROUP BY word) s",
            "RESET work_mem",
            "CREATE INDEX t_word ON t (word)",
            "CREATE EXTENSION IF NOT EXISTS vector",
            "CREATE TABLE v AS SELECT g AS id, (SELECT array_agg(sin(g * i)) FROM generate_series(1, 64) i)::vector(64) AS at
             FROM generate_series(1, 6000) g",
            "CREATE INDEX v_at ON v USING hnsw (at vector_l2_ops)",
        ];
        for statement in work {
            client.batch_execute(statement).await.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
        }
    });
    assert_eq!(server.sql("SELECT count(*) FROM pg_index WHERE indrelid IN ('t'::regclass, 'v'::regclass) AND indisvalid"), "2");
}

#[test]
fn a_restart_bounds_a_process_by_the_memory_of_now_and_prlimit_does_so_live() {
    let soft = |server: &Container, pid: &str| -> u64 {
        let line = format!("prlimit --pid {pid} --data --output SOFT --noheadings --raw");
        server.sh(&line).parse().unwrap()
    };
    let server = run("follows")
        .memory("1g")
        .option("--ulimit=data=4398046511104")
        .serve();
    let small = soft(&server, "1");
    server.docker(&["update", "--memory=2g", "--memory-swap=2g"]);
    assert_eq!(soft(&server, "1"), small);
    // What the agent does after a live change; a new session has it, an old one keeps what it had.
    server.sh(&format!("prlimit --pid 1 --data={}:", small + (1 << 20)));
    let backend = server.sql("COPY (SELECT 1) TO PROGRAM 'prlimit --data --output SOFT --noheadings --raw >/tmp/soft'; SELECT 1");
    assert_eq!(
        (backend.as_str(), server.sh("cat /tmp/soft")),
        ("1", (small + (1 << 20)).to_string())
    );
    server.docker(&["restart"]);
    server.wait_until_healthy();
    assert!(soft(&server, "1") > small * 3 / 2, "{small}");
}
