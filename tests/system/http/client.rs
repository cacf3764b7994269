//! HTTP/1.1 by hand: a test decides on every byte.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long a test waits for an answer before it says that the server hangs.
const WAIT: Duration = Duration::from_mins(1);

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    address: String,
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn new(address: &str, method: &str, path: &str) -> Self {
        let headers = [("host", address), ("connection", "close")];
        Self {
            address: address.to_owned(),
            line: format!("{method} {path} HTTP/1.1"),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            body: Vec::new(),
        }
    }

    /// With that header in place of any of its name.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a body of JSON.
    pub fn json(self, body: &Value) -> Self {
        let body = body.to_string().into_bytes();
        let request = self.header("content-type", "application/json").header("content-length", &body.len().to_string());
        Self { body, ..request }
    }

    /// The bytes before the body.
    pub fn head(&self) -> String {
        let headers: Vec<String> = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let headers = headers.concat();
        format!("{}\r\n{headers}\r\n", self.line)
    }

    /// Sends it, and reads the answer to its end.
    pub async fn send(self) -> Answer {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let mut bytes = self.head().into_bytes();
        bytes.extend(&self.body);
        // A server may answer and close before it has read all.
        let _ = stream.write_all(&bytes).await;
        read(&mut stream).await
    }
}

/// Reads an answer until the server closes.
pub async fn read(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let Ok(read) = tokio::time::timeout(WAIT, stream.read_to_end(&mut bytes)).await else { panic!("the server hangs") };
    assert!(read.is_ok() || !bytes.is_empty(), "{read:?}");
    Answer::parse(&bytes)
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or_else(|| panic!("no head: {bytes:?}"));
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let answer = Self { status, headers, body: bytes[end + 4..].to_vec() };
        if answer.header("transfer-encoding") == Some("chunked") {
            return Self { body: unchunked(&answer.body), ..answer };
        }
        answer
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// Refuses any other status and code of a problem.
    pub fn expect_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.json()["code"].as_str()), (status, Some(code)), "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.json()["status"], status);
    }
}

/// A body without the lengths of its chunks.
fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap().trim(), 16).unwrap();
        let chunk = &bytes[end + 2..];
        if length == 0 || chunk.len() < length + 2 {
            break;
        }
        body.extend(&chunk[..length]);
        bytes = &chunk[length + 2..];
    }
    body
}
