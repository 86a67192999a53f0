//! Heads of HTTP requests: whatever passes the guard, the parser behind it reads to the same end, and piece by piece as at once.

use crate::head_guard::HeadScanner;

/// The options are the size of the pieces.
pub(crate) fn fuzz(options: u8, data: &[u8]) {
    let at_once = HeadScanner::default().scan(data);
    let mut scanner = HeadScanner::default();
    let piece = 1 + usize::from(options);
    let mut arrived = 0;
    let piecemeal = loop {
        match scanner.scan(&data[..arrived]) {
            Ok(None) if arrived < data.len() => arrived = (arrived + piece).min(data.len()),
            end => break end,
        }
    };
    assert_eq!(
        at_once.as_ref().map(|head| head.as_ref().map(|head| (head.bytes, head.body_bytes, head.upgrade))),
        piecemeal.as_ref().map(|head| head.as_ref().map(|head| (head.bytes, head.body_bytes, head.upgrade))),
    );
    let Ok(Some(head)) = at_once else { return };
    let mut headers = [httparse::EMPTY_HEADER; 128];
    let mut request = httparse::Request::new(&mut headers);
    if let Ok(httparse::Status::Complete(bytes)) = request.parse(data) {
        assert_eq!(bytes, head.bytes, "both see the same end of the head");
        let lengths: Vec<_> =
            request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("content-length")).collect();
        assert!(lengths.len() <= 1);
        let length = lengths.first().map_or(Some(0), |header| std::str::from_utf8(header.value).ok()?.parse().ok());
        assert_eq!(length, Some(head.body_bytes), "both see the same end of the body");
        assert!(!request.headers.iter().any(|header| header.name.eq_ignore_ascii_case("transfer-encoding")));
    }
}
