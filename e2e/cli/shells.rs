//! What shells and `man` read.

use std::path::Path;
use std::process::Command;

use crate::scene::{AGENT, Scene, stack};

#[test]
fn bash_completes_stacks_options_and_conditions() {
    let scene = Scene::new();
    scene.tell(vec![stack("main", "0", true), stack("shop", "0", true)]);
    let script = "source <(aza-agent completions bash)
        complete_it() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
            _aza__agent aza-agent \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"; echo \"${COMPREPLY[*]}\"; }
        complete_it aza-agent status ma
        complete_it aza-agent plan sh
        complete_it aza-agent status --wa
        complete_it aza-agent status --wait Coll";
    let bin = Path::new(AGENT).parent().unwrap().display().to_string();
    let output = Command::new("bash")
        .args(["--norc", "-c", script])
        .env("PATH", format!("{bin}:{}", std::env::var("PATH").unwrap()))
        .env("AZA_STATE_DIR", scene.state())
        .output()
        .unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        out, "main\nshop\n--watch --wait\nCollationsMatch\n",
        "{err}"
    );
}

#[test]
fn a_page_is_there_for_every_verb() {
    let scene = Scene::new();
    let dir = scene.dir.path().join("man");
    let said = scene.run(&["man", "--dir", &dir.display().to_string()]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    for page in ["aza-agent", "aza-agent-status", "aza-agent-image-build"] {
        let text = std::fs::read_to_string(dir.join(format!("{page}.1"))).unwrap();
        assert!(text.contains(".TH"), "{page}");
    }
    assert!(!dir.join("aza-agent-names.1").exists());
    let page = scene.run(&["man"]);
    assert!(page.out.contains(".SH"), "{}", page.out);
    assert!(page.out.contains("not reached in time"), "{}", page.out);
}
