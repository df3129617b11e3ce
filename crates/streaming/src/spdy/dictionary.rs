//! The text that both sides of a SPDY/3 connection prime their header compression with, as the protocol prescribes.

use std::sync::LazyLock;

/// Names and values that come with their length, as in a header block.
const WORDS: &str = "options head post put delete trace accept accept-charset accept-encoding accept-language \
accept-ranges age allow authorization cache-control connection content-base content-encoding content-language \
content-length content-location content-md5 content-range content-type date etag expect expires from host if-match \
if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma \
proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade \
user-agent vary via warning www-authenticate method get status";

const VALUES: [&str; 8] = ["200 OK", "version", "HTTP/1.1", "url", "public", "set-cookie", "keep-alive", "origin"];

/// Status codes, dates and media types, one after the other.
const PLAIN: &str = concat!(
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505",
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized",
    "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable",
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT",
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,",
    "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.",
);

/// The dictionary's bytes.
pub fn dictionary() -> &'static [u8] {
    static DICTIONARY: LazyLock<Vec<u8>> = LazyLock::new(build);
    &DICTIONARY
}

fn build() -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in WORDS.split_whitespace().chain(VALUES) {
        bytes.extend_from_slice(&(word.len() as u32).to_be_bytes());
        bytes.extend_from_slice(word.as_bytes());
    }
    bytes.extend_from_slice(PLAIN.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::dictionary;

    #[test]
    fn the_dictionary_is_the_one_of_spdy_3() {
        let sum = |(low, high): (u32, u32), byte: &u8| {
            let low = (low + u32::from(*byte)) % 65521;
            (low, (high + low) % 65521)
        };
        let (low, high) = dictionary().iter().fold((1, 0), sum);
        assert_eq!(dictionary().len(), 1423);
        assert_eq!(high << 16 | low, 0xe3c6_a7c2, "its Adler-32 is what compressed headers name it by");
    }
}
