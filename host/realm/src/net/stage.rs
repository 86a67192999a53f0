//! How far the doors are on their way to being closed.

use tokio::sync::watch;

/// Only ever rises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Connections come and go.
    Open,
    /// No new ones; those there go on.
    Shut,
    /// Those there are said goodbye to.
    Closing,
    /// Whatever is left is cut.
    Cut,
}

impl Stage {
    /// Resolves when no connection is accepted any more.
    pub(super) async fn shut(stage: &mut watch::Receiver<Self>) {
        // Doors that are gone are shut.
        let _ = stage.wait_for(|stage| *stage >= Self::Shut).await;
    }

    /// Resolves when the doors close.
    pub(super) async fn closing(stage: &mut watch::Receiver<Self>) {
        // Doors that are gone are closed.
        let _ = stage.wait_for(|stage| *stage >= Self::Closing).await;
    }

    /// Resolves when connections are cut.
    pub(super) async fn cut(stage: &mut watch::Receiver<Self>) {
        let _ = stage.wait_for(|stage| *stage >= Self::Cut).await;
    }
}
