//! Images and files for an agent.

use std::os::unix::fs::PermissionsExt;

use codepiper_protocol::wire::input::{Image, ImageKind, MAX_FILE, MAX_IMAGE, UploadedFile};
use codepiper_protocol::wire::problem::Code;
use serde_json::json;

use crate::harness::{Home, eventually, png};

#[test]
fn an_image_is_kept_for_its_session_and_named_to_the_program() {
    let home = Home::running();
    let session = home.bash("while read -r line; do echo \"got $line\"; done");
    let file = home.path("a picture.png");
    std::fs::write(&file, png()).unwrap();
    let file = file.to_str().unwrap();
    home.ok(["send", &session.short_id, "--image", file, "and a text"]);
    let dir = format!("data/images/{}", session.id);
    let kept = home.files(&dir);
    assert_eq!(kept.len(), 1, "{kept:?}");
    let path = home.path(&dir).join(&kept[0]);
    assert_eq!(std::fs::read(&path).unwrap(), png());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    // The terminal wraps what is typed; what the program read stands in one line of its answer.
    eventually("the program has read it", || {
        let output = home.ok(["tail", &session.short_id, "-n", "all"]);
        output.contains(&format!("got '{}' and a text", path.display())).then_some(())
    });
    home.ok(["send", &session.short_id, "--image", file, "--image", file]);
    assert_eq!(home.files(&dir).len(), 3);
    home.ok(["kill", &session.short_id]);
    home.ok(["sessions", "remove", &session.short_id]);
    assert!(!home.path(&dir).exists(), "they go with the session");
}

#[test]
fn what_is_no_image_is_refused() {
    let home = Home::running();
    let session = home.start(&["sleep", "1000"]);
    let file = home.path("fake.png");
    let path = file.to_str().unwrap();
    for content in [&b"<svg onload=alert(1)>"[..], b"<html>", b"", b"\x7fELF"] {
        std::fs::write(&file, content).unwrap();
        let message = home.fails(2, ["send", &session.short_id, "--image", path, "text"]);
        assert!(message.contains("PNG"), "{message}");
    }
    let large = std::fs::File::create(&file).unwrap();
    large.set_len(MAX_IMAGE as u64 + 1).unwrap();
    assert!(home.fails(2, ["send", &session.short_id, "--image", path]).contains("10 MiB"));
    assert!(home.fails(2, ["send", &session.short_id, "--image", "/none"]).contains("/none"));
    assert!(!home.path("data/images").exists());
}

#[test]
fn a_browser_uploads_and_sends_only_what_belongs_to_the_session() {
    let mut home = Home::new();
    home.start_web(&[]);
    let mut browser = home.browser();
    browser.set_up(&home);
    let session = home.bash("read -r line; echo \"got $line\"");
    let other = home.start(&["sleep", "1000"]);
    let upload = format!("/api/sessions/{}/images", session.short_id);
    let image: Image = browser.request("POST", &upload, Some(png())).ok();
    assert_eq!((image.kind, image.bytes), (ImageKind::Png, png().len() as u64));
    let fake = browser.request("POST", &upload, Some(b"<html>".to_vec()));
    assert_eq!((fake.status, fake.code()), (415, Code::NoImage));
    let large = browser.request("POST", &upload, Some(vec![0; MAX_IMAGE + 1]));
    assert_eq!(large.code(), Code::TooLarge);
    let send =
        |session: &str, images: &str| format!("/api/sessions/{session}/input?enter=true&images={images}");
    assert_eq!(browser.post(&send(&other.short_id, &image.id), &json!("x")).code(), Code::NotFound);
    for path in ["../../auth", "%2e%2e%2fauth", "x"] {
        assert_eq!(browser.post(&send(&session.short_id, path), &json!("x")).code(), Code::Invalid, "{path}");
    }
    assert_eq!(browser.post(&send(&session.short_id, &image.id), &json!("x")).status, 200);
    home.until_ended(&session);
    assert!(home.ok(["tail", &session.short_id, "-n", "all"]).contains(&image.id));
}

#[test]
fn a_browser_uploads_files_that_go_with_their_session() {
    let mut home = Home::new();
    home.start_web(&[]);
    let mut browser = home.browser();
    browser.set_up(&home);
    let session = home.bash("exec sleep 1000");
    let upload = |name: &str| format!("/api/sessions/{}/files?name={name}", session.short_id);
    let dir = home.path(&format!("data/images/{}", session.id));
    let content = b"%PDF-1.7 and so on".to_vec();
    let file: UploadedFile = browser.request("POST", &upload("a%20report.pdf"), Some(content.clone())).ok();
    let again: UploadedFile = browser.request("POST", &upload("a%20report.pdf"), Some(content.clone())).ok();
    assert_ne!(file.path, again.path);
    assert_eq!((file.bytes, file.path.parent()), (content.len() as u64, Some(&*dir)));
    assert!(file.path.to_str().unwrap().ends_with("-a_report.pdf"), "{file:?}");
    assert_eq!(std::fs::read(&file.path).unwrap(), content);
    assert_eq!(std::fs::metadata(&file.path).unwrap().permissions().mode() & 0o777, 0o600);
    let outside: UploadedFile = browser.request("POST", &upload("..%2F..%2Fauth.json"), Some(vec![])).ok();
    assert_eq!(outside.path.parent(), Some(&*dir));
    let large = browser.request("POST", &upload("large"), Some(vec![0; MAX_FILE + 1]));
    assert_eq!(large.code(), Code::TooLarge);
    let unnamed = format!("/api/sessions/{}/files", session.short_id);
    assert_eq!(browser.request("POST", &unnamed, Some(content)).code(), Code::Invalid);
    // No image has such an id.
    let name = file.path.file_stem().unwrap().to_str().unwrap();
    let send = format!("/api/sessions/{}/input?images={name}", session.short_id);
    assert_eq!(browser.post(&send, &json!("x")).code(), Code::Invalid);
    home.ok(["kill", &session.short_id]);
    home.ok(["sessions", "remove", &session.short_id]);
    assert!(!dir.exists(), "they go with the session");
}
