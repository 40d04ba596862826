//! A command whose output is read while it runs.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use codepiper::lock::lock;

use super::{Ran, eventually};

pub struct Reader {
    child: Child,
    stdout: Arc<Mutex<Vec<u8>>>,
    stderr: Arc<Mutex<Vec<u8>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Reader {
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (stdout, stderr) = (Arc::default(), Arc::default());
        let threads = vec![
            gather(child.stdout.take().unwrap(), &stdout),
            gather(child.stderr.take().unwrap(), &stderr),
        ];
        Self { child, stdout, stderr, threads }
    }

    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// What was read so far.
    pub fn bytes(&self) -> Vec<u8> {
        lock(&self.stdout).clone()
    }

    pub fn wait_for(&self, text: &str) {
        let read = |bytes: &Mutex<Vec<u8>>| String::from_utf8_lossy(&lock(bytes)).into_owned();
        let what = || format!("{text}; read: {}; said: {}", read(&self.stdout), read(&self.stderr));
        let deadline = std::time::Instant::now() + super::TIMEOUT;
        while memchr::memmem::find(&lock(&self.stdout), text.as_bytes()).is_none() {
            assert!(std::time::Instant::now() < deadline, "waited in vain for: {}", what());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// Waits until the command has ended; everything that it wrote to stdout.
    pub fn finish(&mut self) -> Vec<u8> {
        self.ended();
        self.bytes()
    }

    /// Waits until the command has ended.
    pub fn ended(&mut self) -> Ran {
        let status = eventually("the command ends", || self.child.try_wait().unwrap());
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
        let text = |bytes: &Mutex<Vec<u8>>| String::from_utf8_lossy(&lock(bytes)).into_owned();
        Ran { code: status.code(), stdout: text(&self.stdout), stderr: text(&self.stderr) }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn gather(mut source: impl Read + Send + 'static, sink: &Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    let sink = sink.clone();
    std::thread::spawn(move || {
        let mut chunk = vec![0; 65536];
        while let Ok(length @ 1..) = source.read(&mut chunk) {
            lock(&sink).extend_from_slice(&chunk[..length]);
        }
    })
}
