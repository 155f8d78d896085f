//! The preload list: what is loaded, what is refused, what depends on it.

use crate::container::run;

#[test]
fn a_missing_library_is_refused_by_name_before_the_start() {
    let list = "pg_stat_statements,no_such_library";
    let (code, log) = run("missing")
        .env("POSTGRES_SHARED_PRELOAD_LIBRARIES", list)
        .refuse();
    assert_eq!(code, 1);
    assert!(
        log.contains("no such library in this image: no_such_library"),
        "{log}"
    );
    assert!(!log.contains("initdb"), "{log}");
}

#[test]
fn the_default_list_is_loaded_and_its_extensions_are_there() {
    let server = run("preload").env("POSTGRES_USER", "app").serve();
    let list = server.sql_as("app", "app", "SHOW shared_preload_libraries");
    assert_eq!(list, "pg_stat_statements,auto_explain,pg_cron,pgaudit");
    let sql = "SELECT string_agg(extname, ' ' ORDER BY extname) FROM pg_extension";
    assert_eq!(
        server.sql_as("app", "app", sql),
        "pg_cron pg_stat_statements pg_trgm pgaudit plpgsql vector"
    );
    assert_eq!(
        server.sql_as("app", "app", "SHOW cron.database_name"),
        "app"
    );
}

#[test]
fn a_cron_job_runs_under_scram() {
    let server = run("cron").serve();
    server.sql("CREATE TABLE ran (at timestamptz)");
    server
        .sql("SELECT cron.schedule('each second', '1 seconds', 'INSERT INTO ran VALUES (now())')");
    server.wait_until("ran its job", || {
        server.sql("SELECT count(*) > 0 FROM ran") == "t"
    });
}

#[test]
fn pgaudit_writes_ddl_and_role_changes_to_the_log() {
    let server = run("audit").serve();
    server.sql("CREATE TABLE audited (i int)");
    server.sql("CREATE ROLE audited_role");
    server.sql("INSERT INTO audited VALUES (4711)");
    let log = server.logs();
    assert!(
        log.contains("AUDIT: SESSION") && log.contains("CREATE TABLE audited"),
        "{log}"
    );
    assert!(log.contains("CREATE ROLE audited_role"), "{log}");
    assert!(!log.contains("4711"), "{log}");
}

#[test]
fn an_extension_whose_library_is_left_out_is_not_created() {
    let server = run("left-out")
        .env("POSTGRES_SHARED_PRELOAD_LIBRARIES", "")
        .serve();
    assert_eq!(server.sql("SHOW shared_preload_libraries"), "");
    let sql = "SELECT string_agg(extname, ' ' ORDER BY extname) FROM pg_extension";
    assert_eq!(server.sql(sql), "pg_trgm plpgsql vector");
}
