//! From nothing to a stack, and bigger, smaller, elsewhere.

use crate::both::{Both, assert_told, deeds};
use crate::machine::free_port;

#[test]
fn a_manifest_becomes_a_ready_stack() {
    let mut both = Both::new("create");
    let tale = both.settle(&both.manifest());
    assert_told(&tale, "did create the container");
    assert_told(&tale, "is Ready=True");
    assert!(deeds(&both.settle_again()).is_empty());
}

#[test]
fn memory_grows_live_and_one_restart_follows() {
    let mut both = Both::new("grow");
    both.settle(&both.manifest().with_workload("web"));
    let tale = both.settle(&both.manifest().with_workload("web").with_memory("2GiB"));
    assert_told(&tale, "did set limits");
    assert_eq!(
        deeds(&tale)
            .iter()
            .filter(|d| d.starts_with("restart"))
            .count(),
        1,
        "{tale:#?}"
    );
}

#[test]
fn memory_shrinks_after_what_runs_fits_it() {
    let mut both = Both::new("shrink");
    both.settle(&both.manifest().with_memory("2GiB"));
    let tale = both.settle(&both.manifest().with_memory("768MB"));
    let at = |verb: &str| deeds(&tale).iter().position(|d| d.starts_with(verb));
    assert!(at("restart") < at("set limits"), "{tale:#?}");
}

#[test]
fn a_shrink_waits_with_its_restart() {
    let mut both = Both::new("shrinkwait");
    both.settle(&both.manifest().with_memory("2GiB").restarts_manually());
    let tale = both.settle(&both.manifest().with_memory("768MB").restarts_manually());
    assert_told(&tale, "waits");
    assert_told(&tale, "is RestartRequired=True");
}

#[test]
fn a_bigger_shm_is_another_container_on_the_same_volume() {
    let mut both = Both::new("shm");
    both.settle(&both.manifest());
    let tale = both.settle(&both.manifest().with_shm("256MB"));
    assert_told(&tale, "did recreate the container");
}

#[test]
fn a_limit_taken_out_is_another_container() {
    let mut both = Both::new("limitout");
    both.settle(&both.manifest());
    let waits = both.settle(&both.manifest().without_memory().restarts_manually());
    assert_told(&waits, "waits");
    let tale = both.settle(&both.manifest().without_memory());
    assert_told(&tale, "did recreate the container");
}

#[test]
fn another_port_is_another_container() {
    let mut both = Both::new("moveport");
    both.settle(&both.manifest());
    let tale = both.settle(&both.manifest().with_port(free_port()));
    assert_told(&tale, "did recreate the container");
}

#[test]
fn another_workload_restarts_for_what_takes_one() {
    let mut both = Both::new("workload");
    both.settle(&both.manifest().with_workload("web"));
    let tale = both.settle(&both.manifest().with_workload("dw"));
    assert_eq!(
        deeds(&tale)
            .iter()
            .filter(|d| d.starts_with("restart"))
            .count(),
        1,
        "{tale:#?}"
    );
}

#[test]
fn a_suspended_stack_is_looked_at_and_left() {
    let mut both = Both::new("suspend");
    both.settle(&both.manifest());
    let tale = both.settle(&both.manifest().with_memory("2GiB").suspended());
    assert_told(&tale, "waits [Suspended]");
    assert!(deeds(&tale).is_empty(), "{tale:#?}");
}

#[test]
fn more_cpus_are_live() {
    let mut both = Both::new("cpus");
    both.settle(&both.manifest().with_cpus("1"));
    let tale = both.settle(&both.manifest().with_cpus("1.5"));
    assert_told(&tale, "did set limits");
}
