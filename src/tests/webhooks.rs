//! The address that forges call: what each delivery gets for an answer, and what is kept of it.

use http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{
    fake::{Fake, Step},
    gitea::{self, Hook, ZEROS, commit, push, recorded, sign, signatures, with_hook},
    server::Server,
};

/// `push-three-commits-monorepo.json` → `push`, as Gitea names it in its header.
fn event_of(file: &str) -> &str {
    match file.split(['-', '.']).next().unwrap() {
        "test" => "push",
        event => event,
    }
}

#[tokio::test]
async fn every_recorded_delivery_gets_its_answer() {
    let fake = Fake::default();
    let mut server = Server::fake(&fake).await;
    server.set_up().await;
    let mut answers = String::new();
    for (number, (file, signature)) in signatures().into_iter().enumerate() {
        let slug = format!("app-{number}");
        server.create_shop(&[("slug", &slug)]).await.expect(303);
        let hook = Hook::of_recorded(&mut server, &slug).await;
        let answer = match file.ends_with(".body") {
            false => hook.deliver_signed(event_of(&file), recorded(&file), &signature).await,
            true => {
                let headers =
                    [("content-type", "application/x-www-form-urlencoded"), ("x-gitea-event", "push"), ("x-gitea-signature", &*signature)];
                hook.send(Method::POST, &headers, recorded(&file)).await
            }
        };
        let text = answer.text.replace(&slug, "shop").replace('\n', " ");
        let text = text.split(" http://").next().unwrap().to_owned();
        let listed = server.browser.get(&format!("/apps/{slug}/deliveries")).await.expect(200).text("main").replace(&slug, "shop");
        let reason = text.split_once(": ").unwrap().1;
        assert!(listed.contains(reason), "the list of deliveries says the same as Gitea's: {reason}\n{listed}");
        answers.push_str(&format!("{file}: {} {text}\n", answer.status));
    }
    insta::assert_snapshot!(answers.trim_end(), @r"
    push.json: 202 deploy: #1 of “shop” is queued: 0c79164d on main.
    push-three-commits-monorepo.json: 202 deploy: #1 of “shop” is queued: 19123999 on main.
    push-first-to-empty-repo.json: 202 deploy: #1 of “shop” is queued: 9527e383 on main.
    push-new-branch.json: 200 ignored: the push is to release/größe-1.0; “shop” deploys main.
    push-new-branch-no-new-commits.json: 200 ignored: the push is to feature/login; “shop” deploys main.
    push-force.json: 200 ignored: the push is to feature/login; “shop” deploys main.
    push-force-reset-backwards.json: 200 ignored: the push is to feature/login; “shop” deploys main.
    push-many-commits.json: 202 deploy: #1 of “shop” is queued: 4d2e0625 on main.
    push-merge-of-pull-request.json: 202 deploy: #1 of “shop” is queued: 617300d4 on main.
    push-by-contents-api.json: 202 deploy: #1 of “shop” is queued: e3f7ffd0 on main.
    push-tag.json: 200 ignored: v0.1.0 is a tag; “shop” deploys branch main.
    push-tag-annotated.json: 200 ignored: v0.2.0 is a tag; “shop” deploys branch main.
    push-tag-moved-by-force.json: 200 ignored: v0.1.0 is a tag; “shop” deploys branch main.
    push-delete-tag.json: 200 ignored: v0.1.0 is a tag; “shop” deploys branch main.
    push-delete-branch.json: 200 ignored: branch feature/login was deleted; “shop” deploys main.
    create.json: 200 ignored: the event is “create”; only pushes deploy.
    create-tag-annotated.json: 200 ignored: the event is “create”; only pushes deploy.
    delete.json: 200 ignored: the event is “delete”; only pushes deploy.
    delete-tag.json: 200 ignored: the event is “delete”; only pushes deploy.
    pull_request-opened.json: 200 ignored: the event is “pull_request”; only pushes deploy.
    pull_request-synchronized.json: 200 ignored: the event is “pull_request”; only pushes deploy.
    pull_request-closed-merged.json: 200 ignored: the event is “pull_request”; only pushes deploy.
    pull_request-opened-from-fork.json: 200 ignored: the event is “pull_request”; only pushes deploy.
    release-published.json: 200 ignored: the event is “release”; only pushes deploy.
    release-updated.json: 200 ignored: the event is “release”; only pushes deploy.
    test-delivery-web-button-1.22.json: 200 ignored: test received, signature valid. Pushes to main reach “shop”.
    test-delivery-web-button-1.24plus.json: 200 ignored: test received, signature valid. Pushes to main reach “shop”.
    test-delivery-api.json: 200 ignored: test received, signature valid. Pushes to main reach “shop”.
    test-delivery-api-with-ref.json: 200 ignored: test received, signature valid. Pushes to main reach “shop”.
    push-v1.25-structs.json: 202 deploy: #1 of “shop” is queued: 0c79164d on main.
    push-v1.26-jsonv2.json: 202 deploy: #1 of “shop” is queued: 0c79164d on main.
    push-form-encoded.body: 415 rejected: the content type is not application/json: choose it as “POST content type” in the webhook's settings.
    ");
}

#[tokio::test]
async fn a_push_is_queued_and_deployed_and_the_answer_leads_to_it() {
    let fake = Fake::default();
    let (mut server, hook) = with_hook(&fake).await;
    let answer = hook.push("main", ZEROS, &commit('a')).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let (said, link) = answer.text.split_once('\n').unwrap();
    assert_eq!(said, "deploy: #1 of “shop” is queued: aaaaaaaa on main.");
    assert!(link.starts_with("http://") && link.ends_with("/apps/shop/deployments/1"), "{link}");
    let page = server.wait_for("/apps/shop/deployments/1", &["Success"]).await;
    assert!(page.text(".summary").contains("webhook by dev"), "{}", page.text(".summary"));
    assert!(page.text("#journal").contains("The branch has moved on since aaaaaaaa was pushed: deploying its tip."));
    let app = server.browser.get("/apps/shop").await.expect(200);
    assert!(app.text("#webhook").contains("#1 of “shop” is queued"), "{}", app.text("#webhook"));
}

#[tokio::test]
async fn the_page_shows_the_secret_only_to_who_asks_for_it() {
    let fake = Fake::default();
    let (mut server, hook) = with_hook(&fake).await;
    assert_eq!(hook.secret.len(), 64);
    let page = server.browser.get("/apps/shop").await.expect(200);
    assert!(!page.body.contains(&hook.secret), "not in the page's source");
    let steps = page.text("#webhook");
    for needed in ["application/json", "ALLOWED_HOST_LIST", "[webhook]", "[security]", "loopback", "No delivery yet"] {
        assert!(steps.contains(needed), "{needed}: {steps}");
    }
    let revealed = server.browser.post("/apps/shop/webhook-secret", &[]).await.expect(200);
    assert_eq!(revealed.attribute("input[name=back]", "value").as_deref(), Some("/apps/shop"), "a page can be shown again by its address");
    server.browser.headers = vec![("hx-request", "true".to_owned())];
    let fragment = server.browser.post("/apps/shop/webhook-secret", &[]).await.expect(200);
    assert!(fragment.body.trim_start().starts_with("<section id=\"webhook\"") && fragment.body.contains(&hook.secret));
}

#[tokio::test]
async fn forgejo_is_understood_by_its_own_headers() {
    let fake = Fake::default();
    let (_server, hook) = with_hook(&fake).await;
    let body = push("refs/heads/main", ZEROS, &commit('a'));
    let signature = sign(&hook.secret, &body);
    let headers = [
        ("content-type", "application/json"),
        ("x-forgejo-event", "push"),
        ("x-forgejo-delivery", "f6266f16-1bf3-46a5-9ea4-602e06ead473"),
        ("x-forgejo-signature", signature.as_str()),
    ];
    assert_eq!(hook.send(Method::POST, &headers, body).await.status, 202);
}

#[tokio::test]
async fn what_is_not_signed_is_rejected_with_a_hint_and_without_its_body() {
    let fake = Fake::default();
    let (mut server, hook) = with_hook(&fake).await;
    let body = push("refs/heads/main", ZEROS, &commit('a'));
    let right = sign(&hook.secret, &body);
    for (signature, hint) in [
        ("", "there is no signature: enter the secret"),
        (&*sign("another", &body), "the signature does not match"),
        (&*sign("", &body), "the signature does not match"),
        (&*right.to_uppercase(), "the signature does not match"),
        (&right[..63], "the signature does not match"),
        ("sha256=", "the signature does not match"),
    ] {
        let answer = hook.deliver_signed("push", body.clone(), signature).await;
        assert_eq!(answer.status, 401, "{signature}");
        assert!(answer.text.starts_with("rejected: ") && answer.text.contains(hint), "{signature}: {}", answer.text);
    }
    let altered = [&body[..body.len() - 1], b" }"].concat();
    assert_eq!(hook.deliver_signed("push", altered, &right).await.status, 401);
    assert!(server.browser.get("/apps/shop/deliveries").await.text("main").contains("Rejected"));
    assert!(fake.acts().is_empty(), "nothing is deployed: {:?}", fake.acts());
}

#[tokio::test]
async fn the_wrong_shape_of_a_request_is_answered_with_what_to_choose_in_gitea() {
    let fake = Fake::default();
    let (_server, hook) = with_hook(&fake).await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = hook.send(method.clone(), &[], "").await;
        assert_eq!(answer.status, 405);
        assert_eq!(answer.headers["allow"], "POST");
        assert!(answer.text.contains("Choose POST as “HTTP method”"), "{}", answer.text);
    }
    for content_type in ["application/x-www-form-urlencoded", "text/plain", ""] {
        let answer = hook.send(Method::POST, &[("content-type", content_type)], "payload=%7B%7D").await;
        assert_eq!(answer.status, 415);
        assert!(answer.text.contains("choose it as “POST content type”"), "{}", answer.text);
    }
    let body = push("refs/heads/main", ZEROS, &commit('a'));
    let signature = sign(&hook.secret, &body);
    let with_charset =
        [("content-type", "application/json; charset=utf-8"), ("x-gitea-event", "push"), ("x-gitea-signature", signature.as_str())];
    assert_eq!(hook.send(Method::POST, &with_charset, body).await.status, 202);
    let unknown = Hook { url: hook.url.replace(&hook.url[hook.url.len() - 8..], "00000000"), ..hook.clone() };
    let answer = unknown.push("main", ZEROS, &commit('a')).await;
    assert!(answer.status == 404 && answer.text.contains("no app has this webhook URL"), "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "text/plain; charset=utf-8");
    let nonsense = Hook { url: hook.url.rsplit_once('/').unwrap().0.to_owned() + "/nonsense", ..hook };
    assert_eq!(nonsense.push("main", ZEROS, &commit('a')).await.status, 404);
}

#[tokio::test]
async fn a_body_up_to_the_limit_is_read_and_a_larger_one_is_told_so() {
    let fake = Fake::default();
    let (mut server, hook) = with_hook(&fake).await;
    let padded = |length: usize| {
        let mut body = push("refs/heads/main", ZEROS, &commit('a'));
        body.resize(length, b' ');
        body
    };
    let answer = hook.deliver("push", padded(25 * 1024 * 1024)).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let answer = hook.deliver("push", padded(25 * 1024 * 1024 + 1)).await;
    assert_eq!(answer.status, 413);
    assert!(answer.text.contains("larger than 25 MiB"), "{}", answer.text);
    server.wait_for("/apps/shop/deployments/1", &["Success"]).await;
}

#[tokio::test]
async fn what_is_signed_but_no_push_is_said_to_be_so() {
    let fake = Fake::default();
    let (_server, hook) = with_hook(&fake).await;
    for (body, why) in [
        (b"null".to_vec(), "the body is not JSON: an object is expected"),
        (b"".to_vec(), "the body is not JSON"),
        (b"{}".to_vec(), "the push has no ref"),
        (push("refs/heads/main", ZEROS, "main"), "`after` is no commit id"),
        (b"\xff\xfe".to_vec(), "the body is not JSON"),
    ] {
        let answer = hook.deliver("push", body).await;
        assert_eq!(answer.status, 400);
        assert!(answer.text.starts_with("rejected: the signature is valid, but ") && answer.text.contains(why), "{}", answer.text);
    }
    let answer = hook.deliver("", push("refs/heads/main", ZEROS, &commit('a'))).await;
    assert_eq!((answer.status, &*answer.text), (200, "ignored: the delivery names no event; only pushes deploy."));
}

#[tokio::test]
async fn a_branch_is_compared_whole() {
    let fake = Fake::default();
    let (mut server, _) = with_hook(&fake).await;
    server.create_shop(&[("slug", "login"), ("branch", "feature/login")]).await.expect(303);
    let hook = Hook::of(&mut server, "login").await;
    for other in ["login", "feature", "feature/login2", "x/feature/login", "Feature/Login"] {
        let answer = hook.push(other, ZEROS, &commit('a')).await;
        assert_eq!((answer.status, &*answer.text), (200, &*format!("ignored: the push is to {other}; “login” deploys feature/login.")));
    }
    assert_eq!(hook.push("feature/login", ZEROS, &commit('a')).await.status, 202);
}

#[tokio::test]
async fn a_duplicate_is_named_by_what_has_it_already() {
    let fake = Fake::default();
    let (mut server, hook) = with_hook(&fake).await;
    let tip = fake.tip();
    assert_eq!(hook.push("main", ZEROS, &tip).await.status, 202);
    server.wait_for("/apps/shop/deployments/1", &["Success"]).await;
    let answer = hook.push("main", ZEROS, &tip).await;
    assert_eq!(answer.status, 200);
    assert!(answer.text.starts_with("ignored: already live as #1. To build it again press “Deploy now”"), "{}", answer.text);
    fake.hold(Step::Build);
    fake.set_tip(&commit('b'));
    hook.push("main", &tip, &commit('b')).await;
    server.wait_for("/apps/shop/deployments/2", &["Building"]).await;
    assert_eq!(hook.push("main", &tip, &commit('b')).await.text, "ignored: already running as #2.");
    hook.push("main", &commit('b'), &commit('c')).await;
    assert_eq!(hook.push("main", &commit('b'), &commit('c')).await.text, "ignored: already queued as #3.");
    fake.release(Step::Build);
    server.wait_for("/apps/shop/deployments/3", &["Success"]).await;
}

#[tokio::test]
async fn a_commit_that_was_asked_for_while_another_was_found_is_asked_for_anew() {
    let fake = Fake::default();
    let (mut server, hook) = with_hook(&fake).await;
    fake.set_tip(&commit('b'));
    fake.hold(Step::Build);
    hook.push("main", ZEROS, &commit('a')).await;
    server.wait_for("/apps/shop/deployments/1", &["Building"]).await;
    fake.set_tip(&commit('a'));
    let answer = hook.push("main", &commit('b'), &commit('a')).await;
    assert_eq!(answer.status, 202, "the branch was set back to what #1 was asked for and did not find: {}", answer.text);
    fake.release(Step::Build);
    assert_eq!(server.wait_for("/apps/shop/deployments/2", &["Success"]).await.text(".commit code"), "aaaaaaaa");
}

#[tokio::test]
async fn of_rejected_deliveries_samples_are_kept() {
    let fake = Fake::default();
    let (mut server, hook) = with_hook(&fake).await;
    for _ in 0..40 {
        assert_eq!(hook.deliver_signed("push", b"{}".to_vec(), "").await.status, 401);
    }
    let page = server.browser.get("/apps/shop/deliveries").await.expect(200);
    assert_eq!(page.texts("main .badge").iter().filter(|badge| *badge == "Rejected").count(), 30, "{}", page.text("main"));
}

#[tokio::test]
async fn what_a_forge_sends_is_shown_as_text_and_its_credentials_are_not_kept() {
    let fake = Fake::default();
    let (mut server, hook) = with_hook(&fake).await;
    let body = push("refs/heads/<script>\u{202e}x", ZEROS, &commit('a'));
    let signature = sign(&hook.secret, &body);
    let headers = [
        ("content-type", "application/json"),
        ("x-gitea-event", "push"),
        ("x-gitea-signature", signature.as_str()),
        ("authorization", "Bearer canary-of-the-forge"),
    ];
    assert_eq!(hook.send(Method::POST, &headers, body).await.status, 200);
    let answer = hook.deliver("push", push("refs/heads/a\nb\u{1b}[31m\u{202e}x", ZEROS, &commit('a'))).await;
    assert_eq!(answer.text, "ignored: the push is to a b[U+001B][31m[U+202E]x; “shop” deploys main.");
    let old = serde_json::json!({ "secret": "canary-of-old-gitea", "ref": "refs/heads/dev", "before": ZEROS, "after": commit('a') });
    assert_eq!(hook.deliver("push", old.to_string().into_bytes()).await.status, 200);
    let page = server.browser.get("/apps/shop/deliveries").await.expect(200);
    assert!(!page.body.contains("<script>\u{202e}") && page.text("main").contains("<script>[U+202E]x"), "{}", page.text("main"));
    server.stop().await;
    let db = std::fs::read(server.data().join("upaas.db")).unwrap();
    for canary in ["canary-of-the-forge", "canary-of-old-gitea", hook.secret.as_str()] {
        assert!(!db.windows(canary.len()).any(|window| window == canary.as_bytes()), "{canary} is in the database");
    }
}

#[tokio::test]
async fn the_list_of_deliveries_is_paged() {
    let fake = Fake::default();
    let (mut server, hook) = with_hook(&fake).await;
    for number in 0..55 {
        hook.push(&format!("b{number}"), ZEROS, &commit('a')).await;
    }
    let page = server.browser.get("/apps/shop/deliveries").await.expect(200);
    assert!(page.text("main").contains("to b54;") && !page.text("main").contains("to b4;"));
    let older = page.attribute("a[rel=next]", "href").unwrap();
    let page = server.browser.get(&older).await.expect(200);
    assert!(page.text("main").contains("to b4;") && !page.text("main").contains("to b5;"));
    server.browser.get("/apps/shop/deliveries?before=x").await.expect(400);
}

#[tokio::test]
async fn a_recorded_push_of_20_000_files_is_answered_in_time() {
    let fake = Fake::default();
    let (_server, hook) = with_hook(&fake).await;
    let mut body: serde_json::Value = serde_json::from_slice(&gitea::recorded("push.json")).unwrap();
    let files: Vec<String> = (0..20_000).map(|number| format!("folder/of/many/file-{number}.txt")).collect();
    body["commits"][0]["added"] = files.clone().into();
    body["head_commit"]["added"] = files.into();
    assert_eq!(hook.deliver("push", serde_json::to_vec_pretty(&body).unwrap()).await.status, 202);
}

/// Begins a request and does not end it.
async fn half_a_delivery(hook: &Hook, headers: &str) -> tokio::net::TcpStream {
    let (address, path) = hook.url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!("POST /{path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{headers}content-length: 3000000\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn who_asks_before_sending_too_much_is_told_at_once() {
    let fake = Fake::default();
    let (_server, hook) = with_hook(&fake).await;
    let (address, path) = hook.url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!("POST /{path} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nconnection: close\r\ncontent-length: 99999999\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("larger than 25 MiB"), "{answer}");
}

#[tokio::test]
async fn a_connection_that_never_says_what_it_wants_is_closed() {
    let fake = Fake::default();
    let (_server, hook) = with_hook(&fake).await;
    let address = hook.url.strip_prefix("http://").unwrap().split_once('/').unwrap().0;
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(b"POST /webhook/x HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(std::time::Duration::from_secs(60), stream.read_to_end(&mut answer)).await;
    assert!(closed.is_ok(), "after a minute it is still open");
}

#[tokio::test]
async fn slow_bodies_do_not_keep_others_out() {
    let fake = Fake::default();
    let (_server, hook) = with_hook(&fake).await;
    let mut slow = Vec::new();
    for headers in ["", "x-gitea-signature: 0\r\n"].repeat(20) {
        slow.push(half_a_delivery(&hook, headers).await);
    }
    assert_eq!(hook.push("main", ZEROS, &commit('a')).await.status, 202);
}

#[tokio::test]
async fn a_large_body_to_no_app_is_answered_all_the_same() {
    let fake = Fake::default();
    let (_server, hook) = with_hook(&fake).await;
    let nobody = Hook { url: hook.url.rsplit_once('/').unwrap().0.to_owned() + "/b7c2d5a0-7d43-4b8a-8a8b-3f1c1d1e2f30", ..hook };
    for _ in 0..10 {
        let mut stream = half_a_delivery(&nobody, "connection: close\r\n").await;
        stream.write_all(&vec![b' '; 3_000_000]).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.contains("no app has this webhook URL"), "{answer}");
    }
}
