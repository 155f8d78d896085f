//! Hears of `aza-agent approve` at once. Without a watch left in the kernel the next pass finds the request, as it
//! finds everything: within the resync, or the wait after a failure.

use std::future::pending;

use crate::host::layout::Layout;
use crate::source::watch::Watch;

/// Listens for requests until it is dropped.
pub struct Requests(Option<Watch>);

impl Requests {
    /// Begins to listen. The directory need not be there yet.
    #[must_use]
    pub fn listen(layout: &Layout) -> Self {
        // What is out of watches is told of the directory of manifests already.
        Self(Watch::start(&layout.requests()).ok())
    }

    /// Returns when a request came or was taken. May be dropped at any time.
    pub async fn changed(&mut self) {
        let Some(watch) = &mut self.0 else {
            return pending().await;
        };
        if watch.changed().await.is_err() {
            self.0 = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::api::StackName;
    use crate::store;

    #[tokio::test]
    async fn an_approval_is_heard_also_where_it_is_the_first_request_ever() {
        let state = tempfile::tempdir().unwrap();
        let layout = Layout::new(state.path());
        let mut requests = Requests::listen(&layout);
        let name = StackName::parse("main").unwrap();
        for _ in 0..2 {
            store::requests::approve(&layout, &name).unwrap();
            in_time(&mut requests).await;
            assert!(store::requests::is_approved(&layout, &name));
            store::requests::take(&layout, &name).unwrap();
            in_time(&mut requests).await;
        }
    }

    async fn in_time(requests: &mut Requests) {
        let heard = tokio::time::timeout(Duration::from_secs(10), requests.changed());
        heard.await.unwrap();
    }
}
