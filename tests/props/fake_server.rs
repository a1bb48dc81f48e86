//! A small HTTP server in process whose answers a test decides; it counts what is on the way at once.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub target: String,
    /// The header lines, names in lower case.
    pub headers: Vec<String>,
    pub body: String,
}

/// What the server does with it.
pub enum Told {
    /// Status, further header lines, body.
    Reply(u16, &'static str, String),
    /// Half a body, then the connection ends.
    Torn,
    /// Nothing until the client goes away.
    Silence,
}

impl Asked {
    /// A field of the form or query.
    pub fn field(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        let pairs = [self.body.as_str(), query].join("&");
        let value = pairs.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?.to_owned();
        Some(value)
    }
}

struct Inner {
    answer: Box<dyn Fn(&Asked) -> Told + Send + Sync>,
    asked: Mutex<Vec<Asked>>,
    busy: AtomicUsize,
    most: AtomicUsize,
    stop: AtomicBool,
}

/// The server; it stops listening when dropped.
pub struct FakeServer {
    inner: Arc<Inner>,
    address: String,
}

impl FakeServer {
    pub fn start(answer: impl Fn(&Asked) -> Told + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (busy, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (asked, stop) = (Mutex::default(), AtomicBool::new(false));
        let inner = Arc::new(Inner { answer: Box::new(answer), asked, busy, most, stop });
        let shared = Arc::clone(&inner);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stop.load(Ordering::SeqCst) {
                    return;
                }
                let inner = Arc::clone(&shared);
                std::thread::spawn(move || serve(&inner, stream.unwrap()));
            }
        });
        Self { inner, address }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.inner.asked.lock().unwrap().clone()
    }

    /// The most requests that were on the way at once.
    pub fn most(&self) -> usize {
        self.inner.most.load(Ordering::SeqCst)
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.inner.stop.store(true, Ordering::SeqCst);
        // The listener waits for one more connection to see that it is over.
        drop(TcpStream::connect(&self.address));
    }
}

fn serve(inner: &Inner, mut stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(asked) = read(&mut reader) {
        inner.asked.lock().unwrap().push(asked.clone());
        let busy = inner.busy.fetch_add(1, Ordering::SeqCst) + 1;
        inner.most.fetch_max(busy, Ordering::SeqCst);
        let told = (inner.answer)(&asked);
        inner.busy.fetch_sub(1, Ordering::SeqCst);
        match told {
            Told::Reply(status, headers, body) => {
                let length = body.len();
                let text = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{headers}\r\n{body}");
                if stream.write_all(text.as_bytes()).is_err() {
                    return;
                }
            }
            Told::Torn => {
                stream.write_all(b"HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n{\"status\"").unwrap();
                return;
            }
            Told::Silence => {
                // Ends when the client closes its side.
                let _gone = reader.read(&mut [0]);
                return;
            }
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push(format!("{}:{value}", name.to_ascii_lowercase()));
    }
    let length = headers.iter().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { method, target, headers, body: String::from_utf8(body).unwrap() })
}
