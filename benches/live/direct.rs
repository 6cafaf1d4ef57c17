//! A build without µPaaS: what the engine's API says of it, as it says it.

use std::time::Instant;

use bollard::models::{BuildInfo, BuildInfoAux};
use bytes::BytesMut;
use tokio::net::UnixStream;
use uuid::Uuid;

use crate::{
    http::{Answer, BLOCK_BYTES, Progress},
    printer,
    tests::support::engine::{BUSYBOX, Leftovers, client},
};

const SOCKET: &str = "/var/run/docker.sock";
/// The engine's API has BuildKit from this version on, and then µPaaS uses it.
const BUILDKIT_SINCE: (usize, usize) = (1, 39);

/// Which builder µPaaS uses on this engine.
pub(crate) async fn has_buildkit() -> bool {
    let api = client().version().await.unwrap().api_version.unwrap();
    let (major, minor) = api.split_once('.').unwrap();
    (major.parse().unwrap(), minor.parse().unwrap()) >= BUILDKIT_SINCE
}

/// Builds, and returns when each line of the printer's has come, by its index.
pub(crate) async fn build(dockerfile: String) -> Vec<Instant> {
    let name = Uuid::new_v4().to_string();
    let _left = Leftovers::of(&name);
    let mut answer = Answer::to(UnixStream::connect(SOCKET).await.unwrap(), &request(&name, &dockerfile).await, BLOCK_BYTES).await.unwrap();
    assert_eq!(answer.status, 200);
    let (mut body, mut output, mut arrived) = (BytesMut::new(), Vec::new(), Vec::new());
    while answer.read(&mut body, BLOCK_BYTES).await.unwrap() == Progress::More {
        let now = Instant::now();
        while let Some(end) = memchr::memchr(b'\n', &body) {
            let message = body.split_to(end + 1);
            let message = message.trim_ascii();
            if !message.is_empty() {
                take(serde_json::from_slice(message).unwrap(), &mut output);
            }
        }
        while let Some(end) = memchr::memchr(b'\n', &output) {
            let line: Vec<u8> = output.drain(..=end).collect();
            if let Some((index, at)) = printer::found_in(&String::from_utf8_lossy(&line)) {
                assert_eq!(index, arrived.len());
                assert_eq!(String::from_utf8_lossy(&line[at..]).trim_end_matches('\n'), printer::line(index));
                arrived.push(now);
            }
        }
    }
    arrived
}

/// What a message says, of either builder.
fn take(message: BuildInfo, output: &mut Vec<u8>) {
    assert_eq!(message.error_detail, None, "the build succeeds");
    if let Some(BuildInfoAux::BuildKit(status)) = message.aux {
        output.extend(status.logs.into_iter().flat_map(|log| log.msg));
    }
    if let Some(text) = message.stream {
        output.extend_from_slice(text.as_bytes());
    }
}

async fn request(name: &str, dockerfile: &str) -> Vec<u8> {
    let mut context = tar::Builder::new(Vec::new());
    context.append_path_with_name(BUSYBOX, "busybox").unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(dockerfile.len() as u64);
    context.append_data(&mut header, "Dockerfile", dockerfile.as_bytes()).unwrap();
    let context = context.into_inner().unwrap();
    let labels = serde_json::json!({ "upaas.instance": name }).to_string();
    let version = if has_buildkit().await { "2" } else { "1" };
    let query = [("t", name), ("labels", &labels), ("version", version), ("rm", "true"), ("forcerm", "true")];
    let query = serde_urlencoded::to_string(query).unwrap();
    let head = format!(
        "POST /build?{query} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/x-tar\r\nContent-Length: {}\r\n\r\n",
        context.len()
    );
    [head.into_bytes(), context].concat()
}
