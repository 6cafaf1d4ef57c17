//! A browser without JavaScript: cookies, forms, and CSS selectors on what came back.

use std::{collections::BTreeMap, net::SocketAddr};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use scraper::{Html, Selector};

use super::stream::Stream;

#[derive(Clone)]
pub(crate) struct Browser {
    client: Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
    cookies: BTreeMap<String, String>,
    /// Sent with every request.
    pub(crate) headers: Vec<(&'static str, String)>,
}

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Browser {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), address, cookies: BTreeMap::new(), headers: Vec::new() }
    }

    /// The same browser, with its cookies, at another address.
    pub(crate) fn at(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.send(Method::POST, path, Some(encode(fields))).await
    }

    /// As another program would, which knows JSON.
    pub(crate) async fn post_json(&mut self, path: &str, json: &str) -> Reply {
        let asked = self.request(Method::POST, path).header(header::CONTENT_TYPE, "application/json");
        let response = self.client.request(asked.body(Full::from(json.to_owned())).unwrap()).await.unwrap();
        self.read(response).await
    }

    pub(crate) async fn send(&mut self, method: Method, path: &str, form: Option<String>) -> Reply {
        let response = self.ask(method, path, form).await;
        self.read(response).await
    }

    async fn read(&mut self, response: Response<Incoming>) -> Reply {
        let (parts, body) = response.into_parts();
        let body = String::from_utf8_lossy(&body.collect().await.unwrap().to_bytes()).into_owned();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        Reply { status: parts.status, headers: parts.headers, body }
    }

    /// Opens a stream of events, as a page does.
    pub(crate) async fn watch(&self, path: &str) -> Stream {
        let response = self.ask(Method::GET, path, None).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        Stream::new(response.into_body())
    }

    /// As [`Browser::watch`], coming back after an event.
    pub(crate) async fn watch_from(&self, path: &str, last_event: u64) -> Stream {
        let mut returning = self.clone();
        returning.headers.push(("last-event-id", last_event.to_string()));
        returning.watch(path).await
    }

    async fn ask(&self, method: Method, path: &str, form: Option<String>) -> Response<Incoming> {
        let mut request = self.request(method, path);
        if form.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        self.client.request(request.body(Full::from(form.unwrap_or_default())).unwrap()).await.unwrap()
    }

    fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        if !self.cookies.is_empty() {
            let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request
    }

    /// The cookie's value.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }
}

impl Reply {
    /// Where it leads.
    pub(crate) fn location(&self) -> &str {
        self.header("location")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), "application/json", "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }

    /// The text of the first element that a selector finds; empty when there is none.
    pub(crate) fn text(&self, selector: &str) -> String {
        self.texts(selector).into_iter().next().unwrap_or_default()
    }

    /// The texts of all elements that a selector finds, white space folded.
    pub(crate) fn texts(&self, selector: &str) -> Vec<String> {
        let text = |element: scraper::ElementRef| element.text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
        Html::parse_document(&self.body).select(&Selector::parse(selector).unwrap()).map(text).collect()
    }

    /// The text of the first element that a selector finds, as it stands there.
    pub(crate) fn raw_text(&self, selector: &str) -> String {
        let page = Html::parse_document(&self.body);
        page.select(&Selector::parse(selector).unwrap()).next().map(|element| element.text().collect()).unwrap_or_default()
    }

    /// An attribute of the first element that a selector finds.
    pub(crate) fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        let page = Html::parse_document(&self.body);
        let found = page.select(&Selector::parse(selector).unwrap()).next()?.value().attr(name)?.to_owned();
        Some(found)
    }

    /// What a field of a form holds: the text of an input or of a text of several lines, the chosen one of several, whether a box is ticked.
    pub(crate) fn value(&self, field: &str) -> Option<String> {
        let page = Html::parse_document(&self.body);
        let select = |selector: String| page.select(&Selector::parse(&selector).unwrap()).next();
        if let Some(text) = select(format!("textarea[name='{field}']")) {
            let text: String = text.text().collect();
            return Some(text.strip_suffix('\n').map(str::to_owned).unwrap_or(text));
        }
        let chosen = format!("input:is([type=radio], [type=checkbox])[name='{field}'][checked], select[name='{field}'] option[selected]");
        let input = select(chosen).or_else(|| select(format!("input[name='{field}']:not([type=radio]):not([type=checkbox])")))?;
        input.value().attr("value").map(str::to_owned)
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }
}

fn encode(fields: &[(&str, &str)]) -> String {
    let escape = |text: &str| -> String {
        text.bytes().map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
    };
    fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect::<Vec<_>>().join("&")
}
