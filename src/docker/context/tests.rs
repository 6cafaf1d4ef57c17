#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use tempfile::TempDir;

/// A checkout with these files; each contains its own path.
fn checkout(files: &[&str]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for file in files {
        put(&dir, file, file);
    }
    dir
}

fn put(dir: &TempDir, path: &str, content: impl AsRef<[u8]>) {
    let path = dir.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn tar_of(context: &Context) -> Vec<u8> {
    let mut tar = Vec::new();
    let summary = context.write_tar(&mut tar, CONTEXT_MAX_BYTES).unwrap();
    assert_eq!(summary.bytes, tar.len() as u64);
    tar
}

/// Names in the order of the tar; directories end in `/`, a link shows its target.
fn names(context: &Context) -> Vec<String> {
    let tar = tar_of(context);
    let mut archive = tar::Archive::new(tar.as_slice());
    let show = |entry: tar::Entry<'_, &[u8]>| {
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        match entry.link_name_bytes() {
            Some(target) => format!("{name} -> {}", String::from_utf8_lossy(&target)),
            None => name,
        }
    };
    archive.entries().unwrap().map(|entry| show(entry.unwrap())).collect()
}

fn contents(context: &Context) -> BTreeMap<String, String> {
    let tar = tar_of(context);
    let mut archive = tar::Archive::new(tar.as_slice());
    let read = |mut entry: tar::Entry<'_, &[u8]>| {
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        (entry.path().unwrap().display().to_string(), text)
    };
    archive.entries().unwrap().map(|entry| read(entry.unwrap())).collect()
}

fn refusal(dir: &TempDir, context: &str, dockerfile: &str) -> String {
    Context::open(dir.path(), context, dockerfile).unwrap_err().to_string()
}

#[test]
fn the_tree_is_sent_in_a_stable_order_with_its_directories() {
    let dir = checkout(&["b", "a/z", "a/b/c", "a.txt", "Dockerfile"]);
    fs::create_dir(dir.path().join("empty")).unwrap();
    let context = Context::open(dir.path(), "", "Dockerfile").unwrap();
    let expected = ["Dockerfile", "a/", "a/b/", "a/b/c", "a/z", "a.txt", "b", "empty/"];
    assert_eq!(names(&context), expected);
    assert_eq!(tar_of(&context), tar_of(&context));
    assert_eq!(context.write_tar(io::sink(), CONTEXT_MAX_BYTES).unwrap().files, 5);
    assert_eq!(contents(&context)["a/b/c"], "a/b/c");
}

#[test]
fn owners_are_root_and_modes_are_kept() {
    let dir = checkout(&["Dockerfile", "run.sh"]);
    fs::set_permissions(dir.path().join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    let tar = tar_of(&Context::open(dir.path(), ".", "Dockerfile").unwrap());
    let last = tar::Archive::new(tar.as_slice()).entries().unwrap().last().unwrap().unwrap().header().clone();
    assert_eq!((last.mode().unwrap(), last.uid().unwrap(), last.gid().unwrap()), (0o755, 0, 0));
    assert!(last.mtime().unwrap() > 0);
}

#[test]
fn links_stay_links_wherever_they_lead() {
    let dir = checkout(&["Dockerfile", "dir/file"]);
    let long = "x/".repeat(150) + "end";
    for (name, target) in [("a", "/etc/passwd"), ("b", "dir"), ("c", "./dir//file"), ("d", "gone"), ("e", &long)] {
        symlink(target, dir.path().join(name)).unwrap();
    }
    let context = Context::open(dir.path(), "", "Dockerfile").unwrap();
    let links: Vec<_> = names(&context).into_iter().filter(|name| name.contains("->")).collect();
    let expected = ["a -> /etc/passwd", "b -> dir", "c -> ./dir//file", "d -> gone", &format!("e -> {long}")];
    assert_eq!(links, expected);
}

#[test]
fn a_path_that_leads_out_of_the_checkout_is_refused() {
    let outside = checkout(&["Dockerfile", "secret"]);
    let dir = checkout(&["Dockerfile", "app/Dockerfile"]);
    symlink(outside.path(), dir.path().join("out")).unwrap();
    symlink(outside.path().join("secret"), dir.path().join("Dockerfile.link")).unwrap();
    let absolute = outside.path().to_str().unwrap();
    for (context, dockerfile) in [
        ("out", "Dockerfile"),
        ("", "out/Dockerfile"),
        ("", "Dockerfile.link"),
        ("..", "Dockerfile"),
        ("app/../..", "Dockerfile"),
        ("", "../Dockerfile"),
        (absolute, "Dockerfile"),
        ("/", "Dockerfile"),
        ("", "/etc/passwd"),
    ] {
        let text = refusal(&dir, context, dockerfile);
        assert!(text.contains("leads out of the repository"), "{context} {dockerfile}: {text}");
    }
    symlink(outside.path().join("secret"), dir.path().join(".dockerignore")).unwrap();
    assert!(refusal(&dir, "", "Dockerfile").contains("`.dockerignore` leads out"));
}

#[test]
fn what_is_missing_is_said_with_a_hint() {
    let dir = checkout(&["backend/Dockerfile", "file"]);
    let cases = [
        (("", "Dockerfile"), "There is no file `Dockerfile` in the repository."),
        (
            ("backend", "Dockerfile"),
            "There is no file `Dockerfile` in the repository. There is one at `backend/Dockerfile`; \
             the path is relative to the repository's root, not to the build context.",
        ),
        (
            ("", "elsewhere/file"),
            "There is no file `elsewhere/file` in the repository. There is one at `file`; \
             the path is relative to the repository's root, not to the build context.",
        ),
        (("gone", "Dockerfile"), "There is no folder `gone` in the repository."),
        (("file/below", "Dockerfile"), "There is no folder `file/below` in the repository."),
        (("nul\0", "Dockerfile"), "There is no folder `nul\0` in the repository."),
        (("file", "Dockerfile"), "`file` is not a folder, so it cannot be the build context."),
        (("", "backend"), "`backend` is not a file, so it cannot be the Dockerfile."),
        (("", ""), "`.` is not a file, so it cannot be the Dockerfile."),
    ];
    for ((context, dockerfile), expected) in cases {
        assert_eq!(refusal(&dir, context, dockerfile), expected);
    }
}

#[test]
fn a_dockerfile_in_the_context_is_sent_in_place() {
    let dir = checkout(&["app/docker/Dockerfile", "app/main"]);
    symlink("docker", dir.path().join("app/linked")).unwrap();
    for path in ["app/docker/Dockerfile", "./app/x/../docker/Dockerfile", "app/linked/Dockerfile"] {
        let context = Context::open(dir.path(), "app/", path).unwrap();
        assert_eq!(context.dockerfile_name(), "docker/Dockerfile");
        assert_eq!(names(&context), ["docker/", "docker/Dockerfile", "linked -> docker", "main"]);
    }
}

#[test]
fn a_dockerfile_outside_of_the_context_is_carried() {
    let dir = checkout(&["build/Dockerfile", "app/main", "app/.upaas-dockerfile"]);
    put(&dir, "app/.dockerignore", "*\n");
    let context = Context::open(dir.path(), "app", "build/Dockerfile").unwrap();
    assert_eq!(context.dockerfile_name(), ".upaas-dockerfile-1");
    assert_eq!(names(&context), [".dockerignore", ".upaas-dockerfile-1"]);
    assert_eq!(contents(&context)[".upaas-dockerfile-1"], "build/Dockerfile");
}

#[test]
fn a_dockerfile_that_is_a_link_is_carried_with_its_content() {
    let dir = checkout(&["real"]);
    symlink("real", dir.path().join("Dockerfile")).unwrap();
    let context = Context::open(dir.path(), "", "Dockerfile").unwrap();
    assert_eq!(context.dockerfile_name(), ".upaas-dockerfile");
    assert_eq!(names(&context), ["Dockerfile -> real", "real", ".upaas-dockerfile"]);
    assert_eq!(contents(&context)[".upaas-dockerfile"], "real");
}

#[test]
fn ignored_files_are_absent_and_exceptions_are_back_with_their_directories() {
    let dir = checkout(&["Dockerfile", "a/drop", "a/keep", "a/deep/keep", "b/drop", "c"]);
    put(&dir, ".dockerignore", "**\n!**/keep\n");
    let context = Context::open(dir.path(), "", "Dockerfile").unwrap();
    let expected = [".dockerignore", "Dockerfile", "a/", "a/deep/", "a/deep/keep", "a/keep"];
    assert_eq!(names(&context), expected);
}

#[test]
fn the_dockerfile_is_sent_out_of_an_ignored_directory() {
    let dir = checkout(&["docker/Dockerfile", "docker/other", "main"]);
    put(&dir, ".dockerignore", "docker\n.dockerignore\n");
    let context = Context::open(dir.path(), "", "docker/Dockerfile").unwrap();
    assert_eq!(names(&context), [".dockerignore", "docker/", "docker/Dockerfile", "main"]);
}

#[test]
fn the_ignore_file_beside_the_dockerfile_wins() {
    let dir = checkout(&["build/web.Dockerfile", "app/one", "app/two"]);
    put(&dir, "app/.dockerignore", "one\n");
    put(&dir, "build/web.Dockerfile.dockerignore", "two\n");
    let context = Context::open(dir.path(), "app", "build/web.Dockerfile").unwrap();
    assert_eq!(names(&context), [".dockerignore", "one", ".upaas-dockerfile"]);
}

#[test]
fn a_bad_ignore_file_is_named_with_its_line() {
    let dir = checkout(&["app/Dockerfile"]);
    put(&dir, "app/.dockerignore", "fine\n[\n");
    assert_eq!(refusal(&dir, "app", "app/Dockerfile"), "Line 2 of `app/.dockerignore` is not a valid pattern: `[`");
    put(&dir, "app/.dockerignore", vec![b'a'; 70_000]);
    assert_eq!(refusal(&dir, "app", "app/Dockerfile"), "`app/.dockerignore` is larger than 64 KiB.");
}

#[test]
fn long_names_empty_files_and_names_that_are_no_text_arrive() {
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(200));
    let dir = checkout(&["Dockerfile", &long]);
    put(&dir, "empty", "");
    let exactly_100 = "h".repeat(100);
    put(&dir, &exactly_100, "x".repeat(512));
    fs::write(dir.path().join(OsStr::from_bytes(b"\xff\xfe")), "bytes").unwrap();
    fs::write(dir.path().join(OsStr::from_bytes(&[0xe9; 150])), "long bytes").unwrap();
    let tar = tar_of(&Context::open(dir.path(), "", "Dockerfile").unwrap());
    let mut archive = tar::Archive::new(tar.as_slice());
    let mut sizes: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    for entry in archive.entries().unwrap().map(Result::unwrap) {
        sizes.insert(entry.path_bytes().into_owned(), entry.size());
    }
    let expect = |name: &[u8], size: u64| assert_eq!(sizes.get(name), Some(&size), "{}", String::from_utf8_lossy(name));
    expect(long.as_bytes(), long.len() as u64);
    expect(b"empty", 0);
    expect(exactly_100.as_bytes(), 512);
    expect(b"\xff\xfe", 5);
    expect(&[0xe9; 150], 10);
}

#[test]
fn sockets_are_left_out() {
    let dir = checkout(&["Dockerfile"]);
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("app.sock")).unwrap();
    assert_eq!(names(&Context::open(dir.path(), "", "Dockerfile").unwrap()), ["Dockerfile"]);
}

#[test]
fn a_tree_of_a_thousand_levels_is_sent() {
    let dir = checkout(&["Dockerfile", &("d/".repeat(1000) + "file")]);
    assert_eq!(names(&Context::open(dir.path(), "", "Dockerfile").unwrap()).len(), 1002);
}

#[test]
fn a_context_over_the_limit_is_refused_before_it_is_passed() {
    let dir = checkout(&["Dockerfile"]);
    put(&dir, "large", vec![0; 100_000]);
    let context = Context::open(dir.path(), "", "Dockerfile").unwrap();
    let size = tar_of(&context).len() as u64;
    assert!(context.write_tar(io::sink(), size).is_ok());
    let mut sent = Vec::new();
    let refused = context.write_tar(&mut sent, 64 << 10).unwrap_err();
    assert_eq!(refused.to_string(), "The build context is larger than 64 KiB. List what the build does not need in `.dockerignore`.");
    assert!(sent.len() <= 64 << 10);
    assert!(matches!(context.write_tar(io::sink(), size - 1), Err(ContextError::TooLarge { .. })));
    assert!(ContextError::TooLarge { limit: CONTEXT_MAX_BYTES }.to_string().contains("4 GiB"));
}

/// Changes the checkout when the first bytes arrive, and keeps them all.
struct Meddler<F: FnMut()> {
    meddle: Option<F>,
    taken: Vec<u8>,
}

impl<F: FnMut()> Write for &mut Meddler<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(mut meddle) = self.meddle.take() {
            meddle();
        }
        self.taken.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The error of a context whose checkout is changed while its large file `big` is sent.
fn error_while(meddle: impl FnOnce(&Path)) -> String {
    let dir = checkout(&["Dockerfile", "later"]);
    put(&dir, "big", vec![7; 1 << 20]);
    let context = Context::open(dir.path(), "", "Dockerfile").unwrap();
    let mut meddle = Some(meddle);
    let run = || {
        if let Some(meddle) = meddle.take() {
            meddle(dir.path())
        }
    };
    let mut out = Meddler { meddle: Some(run), taken: Vec::new() };
    let error = context.write_tar(&mut out, CONTEXT_MAX_BYTES).unwrap_err();
    assert!(!out.taken.ends_with(&[0; 1024]), "a broken tar must not look complete");
    error.to_string()
}

#[test]
fn a_file_that_shrinks_or_goes_while_it_is_sent_is_an_error_with_its_name() {
    let shrink = |dir: &Path| fs::write(dir.join("big"), "short").unwrap();
    let expected = "The build context could not be sent: `big` changed while it was being read";
    assert_eq!(error_while(shrink), expected);
    let gone = error_while(|dir| fs::remove_file(dir.join("later")).unwrap());
    assert!(gone.starts_with("The build context could not be sent: `later` could not be read: No such file"), "{gone}");
}

#[test]
fn a_reader_that_hangs_up_is_an_error() {
    struct HungUp;
    impl Write for HungUp {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let dir = checkout(&["Dockerfile"]);
    let context = Context::open(dir.path(), "", "Dockerfile").unwrap();
    assert!(matches!(context.write_tar(HungUp, CONTEXT_MAX_BYTES), Err(ContextError::Io(_))));
}
