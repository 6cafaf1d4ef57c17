//! Stands between µPaaS and the real engine: lets everything through, makes the engine look older than it is, or freezes.

use std::{path::PathBuf, sync::Arc};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{UnixListener, UnixStream},
    sync::watch,
    task::JoinHandle,
};

const ENGINE: &str = "/var/run/docker.sock";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Pass,
    /// The engine says that its newest API is 1.38, from before BuildKit.
    OldApi,
    /// Connections are taken and nothing is answered.
    Frozen,
    /// Requests whose first line holds this text reach the engine, but its answer gets lost.
    LoseAnswer(&'static str),
    /// Requests whose first line holds this text do not reach the engine.
    Hold(&'static str),
}

pub(crate) struct Proxy {
    folder: TempDir,
    mode: Arc<watch::Sender<Mode>>,
    /// How many requests were held or lost their answer.
    caught: Arc<watch::Sender<usize>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub(crate) fn start(mode: Mode) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("docker.sock")).unwrap();
        let mode = Arc::new(watch::Sender::new(mode));
        let caught = Arc::new(watch::Sender::new(0));
        let (modes, catching) = (mode.clone(), caught.clone());
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, modes.subscribe(), catching.clone()));
            }
        });
        Self { folder, mode, caught, accepting }
    }

    /// Waits until a request is held or has lost its answer.
    pub(crate) async fn has_caught_one(&self) {
        self.caught.subscribe().wait_for(|caught| *caught > 0).await.unwrap();
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// For `UPAAS_DOCKER_HOST`.
    pub(crate) fn address(&self) -> String {
        format!("unix://{}", PathBuf::from(self.folder.path()).join("docker.sock").display())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// One connection carries one request: µPaaS keeps none open.
async fn serve(mut client: UnixStream, mut modes: watch::Receiver<Mode>, caught: Arc<watch::Sender<usize>>) {
    let mode = *modes.wait_for(|mode| *mode != Mode::Frozen).await.unwrap();
    let mut head = [0; 8192];
    let Ok(read) = client.read(&mut head).await else { return };
    let first_line = String::from_utf8_lossy(head[..read].split(|byte| *byte == b'\r').next().unwrap_or_default());
    let asks_version = first_line.contains("/version ");
    if mode == Mode::OldApi && asks_version {
        let said = r#"{"Version":"18.6","ApiVersion":"1.38"}"#;
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{said}", said.len());
        let _ = client.write_all(answer.as_bytes()).await;
        return;
    }
    if let Mode::Hold(text) = mode
        && first_line.contains(text)
    {
        caught.send_modify(|caught| *caught += 1);
        // Until whoever asked is gone.
        let _ = client.read(&mut head).await;
        return;
    }
    let loses_answer = matches!(mode, Mode::LoseAnswer(text) if first_line.contains(text));
    let Ok(mut engine) = UnixStream::connect(ENGINE).await else { return };
    if loses_answer {
        let _ = engine.write_all(&head[..read]).await;
        let (mut asking, mut answering) = (client, engine);
        let (mut lost, mut more) = ([0; 8192], [0; 8192]);
        loop {
            tokio::select! {
                read = asking.read(&mut more) => match read {
                    Ok(read) if read > 0 => drop(answering.write_all(&more[..read]).await),
                    _ => return,
                },
                read = answering.read(&mut lost) => match read {
                    Ok(read) if read > 0 => caught.send_modify(|caught| *caught += 1),
                    _ => return,
                },
            }
        }
    }
    if engine.write_all(&head[..read]).await.is_ok() {
        let _ = copy_bidirectional(&mut client, &mut engine).await;
    }
}
