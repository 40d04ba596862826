//! Whether the machine was started again since the daemon ran last, and what follows.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::AfterReboot;
use crate::environment;
use crate::paths::Paths;
use crate::session::Sessions;
use crate::small_file::{self, Broken, write_synced};
use crate::tasks::Tasks;

/// The version of the file's form.
const VERSION: u32 = 1;

/// What stands in the file `boot`: the boot that the daemon ran in last.
#[derive(Serialize, Deserialize)]
struct BootFile {
    version: u32,
    boot: String,
}

pub struct Boot {
    /// This is the daemon's first start since the machine was started.
    is_new: bool,
    broken: Option<Broken>,
}

impl Boot {
    /// Compares this boot with the one that was written down, and writes this one down. Where one of them is
    /// not known, it counts as the same.
    pub fn look(paths: &Paths) -> Self {
        let Some(boot) = current() else { return Self { is_new: false, broken: None } };
        let path = paths.data.join("boot");
        match small_file::read::<BootFile>(&path, VERSION) {
            Ok(Some(file)) if file.boot == boot => Self { is_new: false, broken: None },
            // Before anything is resumed: what ends the daemon meanwhile shall not do so at each start.
            Ok(file) => {
                let broken = write(&path, boot).err();
                Self { is_new: file.is_some() && broken.is_none(), broken }
            }
            Err(reason) => Self { is_new: false, broken: Some((path, reason)) },
        }
    }

    /// The file, if it cannot be used, and why.
    pub fn broken(&self) -> Option<&Broken> {
        self.broken.as_ref()
    }

    /// Resumes what goes on by itself after a reboot; otherwise says what could go on.
    pub fn resume_or_offer(&self, sessions: &Sessions, tasks: &Tasks, after_reboot: AfterReboot) {
        let lost = sessions.launcher.lost();
        if self.is_new && after_reboot == AfterReboot::Agents {
            let sessions = sessions.clone();
            tasks.spawn(async move { sessions.launcher.resume_agents(lost).await });
            return;
        }
        let why = match (self.is_new, &self.broken) {
            (true, _) => "resume_after_reboot is \"never\"",
            (false, None) => "the machine was not rebooted",
            (false, Some(_)) => "cannot tell whether the machine was rebooted",
        };
        for session in lost {
            sessions.launcher.stays_stopped(&session, why);
        }
    }
}

fn write(path: &Path, boot: String) -> Result<(), Broken> {
    let written = serde_json::to_vec(&BootFile { version: VERSION, boot })
        .map_err(std::io::Error::from)
        .and_then(|json| write_synced(path, &json));
    written.map_err(|error| (path.to_owned(), format!("cannot be written: {error}")))
}

/// What tells one boot of this machine from another. Tests cannot reboot.
fn current() -> Option<String> {
    if let Some(boot) = environment::for_tests("CODEPIPER_TEST_BOOT_ID") {
        return boot.into_string().ok();
    }
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(boot.trim().to_owned()).filter(|boot| !boot.is_empty())
}
