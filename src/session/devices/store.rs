//! What is remembered of devices, in memory and on the disk: which of the two is newer, and how one gets to the other.
//!
//! While the port is open memory is. While it is closed the file is, which people may have edited; except for what could
//! not be written yet.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use super::Devices;
use super::file::DeviceFile;
use crate::deck::Severity;

/// Pause between two writes of what devices change.
const SAVE_PAUSE: Duration = Duration::from_secs(1);

impl Devices {
    /// Has what is remembered in memory, for whoever looks at it or changes it. Reads a file: may block.
    ///
    /// # Errors
    /// When the file cannot be used; nothing may be changed then.
    pub(super) fn load(&self) -> Result<(), String> {
        let _turn = self.disk();
        {
            let state = self.state();
            if state.open.is_some() || state.unsaved {
                return Ok(());
            }
        }
        let file = DeviceFile::load(&self.parts.file)?;
        let mut state = self.state();
        // Somebody else may have loaded it and changed something meanwhile.
        if !state.unsaved {
            state.file = file;
        }
        Ok(())
    }

    /// Keeps what somebody at the host changed: at once while the port is closed, together with what devices change while
    /// it is open. Writes a file: may block.
    ///
    /// # Errors
    /// When it cannot be written. The change holds all the same, until the host ends.
    pub(super) fn keep(&self) -> Result<(), String> {
        if self.state().open.is_some() {
            return Ok(());
        }
        let but = |reason| format!("{reason}; what was changed holds only until kdeck ends");
        self.save().map_err(but)
    }

    /// Writes the file if something changed.
    fn save(&self) -> Result<(), String> {
        let _turn = self.disk();
        let file = {
            let mut state = self.state();
            if !std::mem::take(&mut state.unsaved) {
                return Ok(());
            }
            state.file.clone()
        };
        let saved = file.save(&self.parts.file);
        if saved.is_err() {
            // Tried again with the next change, and at the end.
            self.state().unsaved = true;
        }
        saved
    }

    /// Writes the file whenever something changed, and a last time when the host ends.
    pub(super) async fn save_until_the_end(self: Arc<Self>) {
        let mut failed = false;
        loop {
            let ended = tokio::select! {
                biased;
                () = self.parts.stop.cancelled() => true,
                () = self.dirty.notified() => false,
            };
            let devices = self.clone();
            let saved = tokio::task::spawn_blocking(move || devices.save()).await;
            let saved = saved.unwrap_or_else(|error| Err(error.to_string()));
            if let Err(reason) = &saved
                && !failed
            {
                self.parts.news.notice(Severity::Warning, reason.clone());
            }
            failed = saved.is_err();
            if ended {
                return;
            }
            tokio::select! {
                () = self.parts.stop.cancelled() => {}
                () = tokio::time::sleep(SAVE_PAUSE) => {}
            }
        }
    }

    fn disk(&self) -> MutexGuard<'_, ()> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
