//! The daemon's sockets in the file system. Their files may go: a cleaner of /tmp, somebody's `rm`. Then nobody could
//! reach the daemon any more, so it notices and binds again. Nothing polls: the kernel tells (inotify).

use std::fs::{self, DirBuilder, Permissions};
use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener as Unbound;
use std::path::{Path, PathBuf};

use anyhow::Context;
use codepiper_protocol::wire::problem::{Code, Next, Problem};
#[cfg(target_os = "linux")]
use rustix::fs::inotify;
#[cfg(target_os = "linux")]
use tokio::io::{Interest, unix::AsyncFd};
use tokio::net::{UnixListener, UnixStream};

/// A socket whose file is ours. Dropped, it takes its file with it.
pub struct Socket {
    path: PathBuf,
    /// `None` when the file was somebody else's when we looked last.
    file: Option<Identity>,
    listener: UnixListener,
    watch: Watch,
}

/// Of a file: its device and its number.
type Identity = (u64, u64);

impl Socket {
    /// Binds the socket, for its user only. One that nobody answers is replaced.
    ///
    /// # Errors
    /// When somebody answers there, or when what lies there is no socket of ours.
    pub async fn bind(path: &Path) -> anyhow::Result<Self> {
        make_room(path).await?;
        let (listener, file) = bind(path)?;
        let mut socket = Self { path: path.to_owned(), file: Some(file), listener, watch: Watch::new()? };
        socket.watch.begin(path);
        Ok(socket)
    }

    pub async fn accept(&mut self) -> io::Result<UnixStream> {
        loop {
            tokio::select! {
                () = self.watch.changed() => self.look().await,
                accepted = self.listener.accept() => return accepted.map(|(stream, _)| stream),
            }
        }
    }

    /// Binds again when the file is gone.
    async fn look(&mut self) {
        // Whoever looks at what is there now hears of all that comes later.
        self.watch.begin(&self.path);
        if self.file.is_some() && identity(&self.path) == self.file {
            return;
        }
        let bound = match make_room(&self.path).await {
            Ok(()) => bind(&self.path),
            Err(error) => Err(error),
        };
        match bound {
            Ok((listener, file)) => {
                tracing::warn!(path = %self.path.display(), "the socket file was gone; it was bound again");
                (self.listener, self.file) = (listener, Some(file));
                self.watch.begin(&self.path);
            }
            Err(error) => {
                self.file = None;
                tracing::error!(
                    error = format!("{error:#}"),
                    "the socket file no longer belongs to this daemon"
                );
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.file.is_some() && identity(&self.path) == self.file {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> Option<Identity> {
    fs::symlink_metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}

/// Removes a socket of ours that nobody answers.
async fn make_room(path: &Path) -> anyhow::Result<()> {
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot look at {}", path.display())),
    };
    let taken = |what| {
        Problem::new(Code::Internal, format!("{} {what}", path.display())).with_next(Next::ChooseSocket)
    };
    if !meta.file_type().is_socket() || meta.uid() != nix::unistd::getuid().as_raw() {
        return Err(taken("exists and is not a socket of yours").into());
    }
    if !UnixStream::connect(path).await.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
        return Err(taken("is in use by another daemon").into());
    }
    fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))
}

/// The directory may be gone, too. The umask keeps others out from the first moment.
fn bind(path: &Path) -> anyhow::Result<(UnixListener, Identity)> {
    let cannot = || format!("cannot listen on {}", path.display());
    if let Some(directory) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory).with_context(cannot)?;
    }
    let listener = Unbound::bind(path).with_context(cannot)?;
    fs::set_permissions(path, Permissions::from_mode(0o600)).with_context(cannot)?;
    listener.set_nonblocking(true)?;
    let file = identity(path).with_context(cannot)?;
    Ok((UnixListener::from_std(listener)?, file))
}

/// Tells when a file has lost its name. It watches the file itself, and of its directory only the end: what others do in
/// /tmp wakes nobody.
#[cfg(target_os = "linux")]
struct Watch {
    inotify: AsyncFd<OwnedFd>,
}

#[cfg(target_os = "linux")]
impl Watch {
    fn new() -> io::Result<Self> {
        let inotify = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC)?;
        // SAFETY: the descriptor is owned by the value that is registered, and closed with it.
        let inotify = unsafe { AsyncFd::register_with_interest(inotify, Interest::READABLE) };
        Ok(Self { inotify: inotify.map_err(|error| error.into_parts().1)? })
    }

    /// Also what is watched already: nothing is watched twice.
    fn begin(&mut self, path: &Path) {
        use inotify::WatchFlags as Flags;
        let inotify = self.inotify.get_ref();
        // The number of its names is an attribute (inotify(7)). What cannot be watched is not noticed.
        let gone = Flags::MOVE_SELF | Flags::DELETE_SELF;
        let _ = inotify::add_watch(inotify, path, gone | Flags::ATTRIB | Flags::DONT_FOLLOW);
        if let Some(directory) = path.parent() {
            let _ = inotify::add_watch(inotify, directory, gone | Flags::ONLYDIR);
        }
    }

    async fn changed(&mut self) {
        let mut buffer = [std::mem::MaybeUninit::uninit(); 1024];
        loop {
            // An error here means that nothing will be told any more.
            let Ok(mut ready) = self.inotify.readable().await else { return std::future::pending().await };
            let mut events = inotify::Reader::new(self.inotify.get_ref(), &mut buffer);
            if events.next().is_ok() {
                // All that was told until now asks for one look.
                while events.next().is_ok() {}
                return;
            }
            ready.clear_ready();
        }
    }
}

#[cfg(not(target_os = "linux"))]
struct Watch;

#[cfg(not(target_os = "linux"))]
impl Watch {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    fn begin(&mut self, _: &Path) {}

    async fn changed(&mut self) {
        std::future::pending().await
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    async fn answers(path: &Path, socket: &mut Socket) {
        let patient = async {
            while UnixStream::connect(path).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        // Whoever connected before is still in the queue.
        let accepting = async {
            loop {
                socket.accept().await.unwrap();
            }
        };
        let limit = std::time::Duration::from_secs(20);
        let answered = async {
            tokio::select! { () = patient => {}, never = accepting => never }
        };
        tokio::time::timeout(limit, answered).await.unwrap();
    }

    #[tokio::test]
    async fn a_socket_is_bound_again_however_its_file_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("below/socket");
        let mut socket = Socket::bind(&path).await.unwrap();
        answers(&path, &mut socket).await;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_file(&path).unwrap();
        answers(&path, &mut socket).await;
        fs::rename(&path, dir.path().join("elsewhere")).unwrap();
        answers(&path, &mut socket).await;
        // By a socket of somebody who is dead.
        drop(Unbound::bind(dir.path().join("dead")).unwrap());
        fs::rename(dir.path().join("dead"), &path).unwrap();
        answers(&path, &mut socket).await;
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
        answers(&path, &mut socket).await;
        fs::rename(path.parent().unwrap(), dir.path().join("moved")).unwrap();
        answers(&path, &mut socket).await;
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_is_somebody_elses_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let mut socket = Socket::bind(&path).await.unwrap();
        assert!(
            Socket::bind(&path)
                .await
                .is_err_and(|error| error.to_string().contains("in use by another daemon"))
        );
        fs::write(dir.path().join("file"), "precious").unwrap();
        fs::rename(dir.path().join("file"), &path).unwrap();
        socket.look().await;
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        assert!(
            Socket::bind(&path).await.is_err_and(|error| error.to_string().contains("not a socket of yours"))
        );
        // When that goes, it is ours again.
        fs::remove_file(&path).unwrap();
        answers(&path, &mut socket).await;
        let other = path.with_extension("other");
        fs::rename(&path, &other).unwrap();
        let stranger = Unbound::bind(&path).unwrap();
        drop(socket);
        assert!(path.exists() && other.exists());
        drop(stranger);
    }
}
