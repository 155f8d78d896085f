//! Amounts, windows, and values of settings.

use aza_agent::api::setting::{recorded, recorded_names};
use aza_agent::api::window::Window;
use aza_agent::api::{Bytes, MilliCpu};
use jiff::Timestamp;

use crate::run::{Target, run};

/// The input is `name=value`; the value is also read as every other kind of amount.
fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (name, value) = text.split_once('=').unwrap_or(("work_mem", &text));
    if let Ok(bytes) = Bytes::parse(value) {
        assert_eq!(Bytes::parse(&bytes.to_string()), Ok(bytes));
    }
    if let Ok(cpus) = MilliCpu::parse(value) {
        assert_eq!(MilliCpu::parse(&cpus.to_string()), Ok(cpus));
        assert!(cpus.whole() >= 1);
    }
    if let Ok(window) = Window::parse(value) {
        let text = String::from(window.clone());
        assert_eq!(Window::parse(&text).as_ref(), Ok(&window));
        for at in [0, 1_774_746_000, 253_402_000_000] {
            let at = Timestamp::from_second(at).unwrap();
            assert!(window.next_open(at) > at);
            let _ = window.is_open(at);
        }
    }
    let Some(setting) = recorded(name) else {
        return;
    };
    let _ = setting.lacks_unit(value);
    match setting.canonical(value) {
        Ok(canonical) => {
            assert!(canonical.same(&canonical));
            let shown = setting.show(&canonical);
            let again = setting.canonical(&shown);
            assert!(
                again.as_ref().is_ok_and(|again| again.same(&canonical)),
                "{name}: `{value}` is {canonical:?}, shown as `{shown}`, which is {again:?}"
            );
        }
        Err(wrong) => assert!(!wrong.to_string().is_empty()),
    }
}

#[test]
fn quantity() {
    let values = [
        "4MB",
        "1.5GB",
        "100ms",
        "on",
        "-1",
        "0",
        "0.25",
        "10min",
        "8kB",
        "warning",
        "pg_catalog, public",
        "Sun 03:00-05:00 Europe/Berlin",
        "Mon-Fri 22:00-24:00",
        "daily 00:00-01:00",
        "500m",
        "2",
        "1e3",
        "0x1F",
        "ISO, MDY",
        "1d",
        "30.1GB",
        "1.5kB",
    ];
    let corpus = recorded_names()
        .enumerate()
        .map(|(at, name)| format!("{name}={}", values[at % values.len()]).into_bytes())
        .collect();
    let words = vec![
        "kB",
        "MB",
        "GB",
        "TB",
        "Ki",
        "us",
        "ms",
        "s",
        "min",
        "h",
        "d",
        "on",
        "off",
        "tru",
        "1e",
        ".",
        "+",
        "-",
        " ",
        "Sun",
        "24:00",
        "UTC",
        "America/New_York",
        "e-3",
        "0x",
        "inf",
        "nan",
    ];
    run(&Target {
        name: "quantity",
        few: 5000,
        corpus,
        words,
        check: &check,
    });
}
