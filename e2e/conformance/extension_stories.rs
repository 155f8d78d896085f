//! Extensions: created after what they need, told where they cannot be.

use crate::both::{Both, assert_told};

#[test]
fn an_extension_comes_after_the_one_that_it_needs() {
    let mut both = Both::new("deps");
    both.settle(&both.manifest().with_extension("vector"));
    let tale = both.settle(&both.manifest().with_extension("earthdistance"));
    assert_told(&tale, "is ExtensionsReady");
    let tale = both.settle(
        &both
            .manifest()
            .with_extension("earthdistance")
            .with_extension("cube"),
    );
    assert_told(&tale, "is ExtensionsReady=True");
    both.settle(
        &both
            .manifest()
            .without_extension("earthdistance")
            .with_extension("cube"),
    );
}

#[test]
fn an_extension_that_is_nowhere_is_told() {
    let mut both = Both::new("nowhere");
    both.settle(&both.manifest());
    both.settle(&both.manifest().with_extension("postgis"));
    both.settle(&both.manifest().with_extension_in("elsewhere", "hstore"));
}
