//! What hyper's parser would let through and two HTTP programs could read in two ways: refused before hyper sees it.
//!
//! Bare line feeds, folded lines, control characters, repeated or malformed lengths, length beside chunks, several hosts. Chunked requests are refused
//! as a whole (411): every message of the API is small, and one way to end a body is one fewer to disagree about.

use hyper::StatusCode;

/// Largest head of a request, in bytes.
pub(super) const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Most headers of a request.
pub(super) const HEADERS_MAX: usize = 64;

/// Why a head is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadProblem {
    LineEnd,
    TooLarge,
    TooMany,
    Request,
    Version,
    Header,
    Length,
    Chunked,
    Host,
    Method,
}

impl HeadProblem {
    const ALL: [Self; 10] = [
        Self::LineEnd,
        Self::TooLarge,
        Self::TooMany,
        Self::Request,
        Self::Version,
        Self::Header,
        Self::Length,
        Self::Chunked,
        Self::Host,
        Self::Method,
    ];

    /// Status and sentence of the answer.
    pub(super) fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Self::LineEnd => {
                (StatusCode::BAD_REQUEST, "A line of the request does not end in CR LF; end every line so.")
            }
            Self::TooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "The head of the request is larger than 16 KiB; send less.",
            ),
            Self::TooMany => {
                (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "The request has more than 64 headers; send fewer.")
            }
            Self::Request => (
                StatusCode::BAD_REQUEST,
                "The first line of the request is malformed; write \"GET /path HTTP/1.1\" with single spaces.",
            ),
            Self::Version => {
                (StatusCode::HTTP_VERSION_NOT_SUPPORTED, "The realm speaks HTTP/1.1; ask in this version.")
            }
            Self::Header => {
                (StatusCode::BAD_REQUEST, "A header of the request is malformed; write \"name: value\" on one line.")
            }
            Self::Length => (
                StatusCode::BAD_REQUEST,
                "The length of the body is not certain; send one Content-Length with digits only.",
            ),
            Self::Chunked => (
                StatusCode::LENGTH_REQUIRED,
                "The body comes in pieces of unknown length; send it whole, with a Content-Length.",
            ),
            Self::Host => (StatusCode::BAD_REQUEST, "The request must name exactly one Host."),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "The realm is no proxy; CONNECT is not served."),
        }
    }

    /// A request that hyper understands, put in the place of the refused one: its answer is the refusal.
    pub(super) fn substitute(self) -> String {
        format!("{REFUSED_METHOD} /{self:?} HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n")
    }

    /// The problem that a substitute stands for. A client that sends one itself is refused by it.
    pub(super) fn of(method: &hyper::Method, path: &str) -> Option<Self> {
        let names = |problem: &Self| path.strip_prefix('/').is_some_and(|name| name == format!("{problem:?}"));
        (method.as_str() == REFUSED_METHOD).then(|| Self::ALL.into_iter().find(names).unwrap_or(Self::Header))
    }
}

const REFUSED_METHOD: &str = "REALM-REFUSED";

/// A head that may pass.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Bytes of the head, its empty line included.
    pub(super) bytes: usize,
    /// Bytes of the body that follow.
    pub(super) body_bytes: u64,
    /// Asks for another protocol: what follows may be no HTTP.
    pub(super) upgrade: bool,
}

/// Searches for the end of a head in bytes that arrive piecemeal.
#[derive(Debug, Default)]
pub(super) struct HeadScanner {
    scanned: usize,
}

impl HeadScanner {
    /// Looks at what has arrived since the last call. `None`: the head is not whole yet.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Result<Option<Head>, HeadProblem> {
        while let Some(byte) = bytes.get(self.scanned) {
            let before = self.scanned.checked_sub(1).map(|index| bytes[index]);
            if (*byte == b'\n') != (before == Some(b'\r')) {
                return Err(HeadProblem::LineEnd);
            }
            self.scanned += 1;
            if self.scanned > HEAD_BYTES_MAX {
                return Err(HeadProblem::TooLarge);
            }
            if bytes[..self.scanned].ends_with(b"\r\n\r\n") {
                return check(&bytes[..self.scanned]).map(Some);
            }
        }
        Ok(None)
    }
}

fn check(head: &[u8]) -> Result<Head, HeadProblem> {
    let mut lines = head[..head.len() - 4].split(|byte| *byte == b'\n').map(|line| line.trim_ascii_end());
    let needs_host = check_request(lines.next().unwrap_or_default())?;
    let (mut length, mut repeated, mut chunked, mut hosts, mut upgrade) = (None, false, false, 0, false);
    for (number, line) in lines.enumerate() {
        let (name, value) = header(line)?;
        match name.to_ascii_lowercase().as_slice() {
            b"content-length" => {
                repeated |= length.is_some();
                length = Some(digits(value)?);
            }
            b"transfer-encoding" => chunked = true,
            b"host" => hosts += 1,
            b"upgrade" => upgrade = true,
            _ => {}
        }
        if number >= HEADERS_MAX {
            return Err(HeadProblem::TooMany);
        }
    }
    match (chunked, length) {
        (true, Some(_)) => Err(HeadProblem::Length),
        _ if repeated => Err(HeadProblem::Length),
        (true, None) => Err(HeadProblem::Chunked),
        _ if hosts > 1 || (hosts == 0 && needs_host) => Err(HeadProblem::Host),
        (false, length) => Ok(Head { bytes: head.len(), body_bytes: length.unwrap_or(0), upgrade }),
    }
}

/// Method, target and version, with one space between them. True when its version asks for a Host.
fn check_request(line: &[u8]) -> Result<bool, HeadProblem> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(HeadProblem::Request);
    };
    if !is_token(method) || target.is_empty() || !target.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#') {
        return Err(HeadProblem::Request);
    }
    if method == b"CONNECT" {
        return Err(HeadProblem::Method);
    }
    match version {
        b"HTTP/1.1" => Ok(true),
        b"HTTP/1.0" => Ok(false),
        _ if version.starts_with(b"HTTP/") && version.len() == 8 => Err(HeadProblem::Version),
        _ => Err(HeadProblem::Request),
    }
}

/// Name and value; nothing in them that another program could take for the end of either.
fn header(line: &[u8]) -> Result<(&[u8], &[u8]), HeadProblem> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or(HeadProblem::Header)?;
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    if is_token(name) && !value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        Ok((name, value))
    } else {
        Err(HeadProblem::Header)
    }
}

/// The characters of methods and names (RFC 9110).
fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// `+5`, `5, 5` and the like are numbers to some programs.
fn digits(value: &[u8]) -> Result<u64, HeadProblem> {
    let text = std::str::from_utf8(value).map_err(|_| HeadProblem::Length)?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(HeadProblem::Length);
    }
    text.parse().map_err(|_| HeadProblem::Length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str) -> Result<Option<Head>, HeadProblem> {
        let whole = HeadScanner::default().scan(text.as_bytes());
        let mut piecemeal = HeadScanner::default();
        let mut last = Ok(None);
        for end in 1..=text.len() {
            last = piecemeal.scan(&text.as_bytes()[..end]);
            if !matches!(last, Ok(None)) {
                break;
            }
        }
        assert_eq!(whole, last, "cut into bytes it is the same");
        whole
    }

    #[test]
    fn an_ordinary_head_passes_with_its_body() {
        let text = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n";
        assert_eq!(scan(&format!("{text}body")), Ok(Some(Head { bytes: text.len(), body_bytes: 12, upgrade: false })));
        assert_eq!(scan("GET / HTTP/1.1\r\nHost: x\r\n"), Ok(None));
        assert!(scan("GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n").unwrap().unwrap().upgrade);
    }

    #[test]
    fn heads_that_can_be_read_in_two_ways_are_refused() {
        let start = "POST / HTTP/1.1\r\nHost: x\r\n";
        for (rest, problem) in [
            ("Content-Length: 1\r\nContent-Length: 1\r\n\r\n", HeadProblem::Length),
            ("Content-Length: 1, 1\r\n\r\n", HeadProblem::Length),
            ("Content-Length: +1\r\n\r\n", HeadProblem::Length),
            ("Content-Length: 99999999999999999999\r\n\r\n", HeadProblem::Length),
            ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", HeadProblem::Length),
            ("Transfer-Encoding: chunked\r\n\r\n", HeadProblem::Chunked),
            ("A: b\n\r\n", HeadProblem::LineEnd),
            ("A: b\rc\r\n\r\n", HeadProblem::LineEnd),
            ("A: b\r\n folded\r\n\r\n", HeadProblem::Header),
            ("Content-Length : 1\r\n\r\n", HeadProblem::Header),
            ("no colon\r\n\r\n", HeadProblem::Header),
            (": no name\r\n\r\n", HeadProblem::Header),
            ("A: b\0c\r\n\r\n", HeadProblem::Header),
            ("A\u{7f}: b\r\n\r\n", HeadProblem::Header),
            ("Host: y\r\n\r\n", HeadProblem::Host),
        ] {
            assert_eq!(scan(&format!("{start}{rest}")), Err(problem), "{rest:?}");
        }
        assert_eq!(scan(&format!("{start}{}\r\n", "A: b\r\n".repeat(HEADERS_MAX))), Err(HeadProblem::TooMany));
        for (line, problem) in [
            ("GET  / HTTP/1.1", HeadProblem::Request),
            ("GET /a b HTTP/1.1", HeadProblem::Request),
            ("GET /", HeadProblem::Request),
            ("", HeadProblem::Request),
            ("G(T / HTTP/1.1", HeadProblem::Request),
            ("GET /\u{1} HTTP/1.1", HeadProblem::Request),
            ("GET /#x HTTP/1.1", HeadProblem::Request),
            ("GET / http/1.1", HeadProblem::Request),
            ("GET / HTTP/1.2", HeadProblem::Version),
            ("PRI * HTTP/2.0", HeadProblem::Version),
        ] {
            assert_eq!(scan(&format!("{line}\r\nHost: x\r\n\r\n")), Err(problem), "{line:?}");
        }
        assert_eq!(scan("GET / HTTP/1.1\nHost: x\n\n"), Err(HeadProblem::LineEnd));
        assert_eq!(scan("GET / HTTP/1.1\r\nA: b\r\n\r\n"), Err(HeadProblem::Host));
        assert_eq!(scan("CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n"), Err(HeadProblem::Method));
        assert_eq!(scan(&format!("{start}A: {}", "b".repeat(HEAD_BYTES_MAX))), Err(HeadProblem::TooLarge));
    }

    #[test]
    fn a_substitute_names_its_problem() {
        for problem in HeadProblem::ALL {
            let text = problem.substitute();
            let mut words = text.split(' ');
            let method = hyper::Method::from_bytes(words.next().unwrap().as_bytes()).unwrap();
            assert_eq!(HeadProblem::of(&method, words.next().unwrap()), Some(problem));
        }
        assert_eq!(HeadProblem::of(&hyper::Method::GET, "/Length"), None);
    }
}
