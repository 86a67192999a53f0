"""Asks a running realm what its OpenAPI document allows, and much that it does not: as nobody, as a player, and as staff.

1. a player and an owner are made and logged in     2. schemathesis makes requests from the document, three times
3. an answer that is no answer of the document, or a status of 500 and above, fails     4. a verb of staff that answered anybody else
with anything but a refusal fails, and so does a run of fewer requests than were asked for

Called by `cargo xtask test`; by hand: run.py DATA_FOLDER REPORT_FOLDER REQUESTS OWNER_TOKEN
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

import requests

PASSWORD = "four lanterns by the sea"
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
]
# What ends the session with which the others are asked; they are asked as nobody.
ENDS_SESSIONS = r"/auth/logout|/account/sessions"
# Requests that the tool makes of the edges of one call's parameters, at least, and its fewest further examples of each call.
EDGES_OF_A_CALL = 10
EXAMPLES_MIN = 3
# Rounds of three runs, each with other seeds; a further one is made as long as requests are missing, because how many a call gives is the
# tool's affair.
ROUNDS_MAX = 8
# The longest that one run may take.
RUN_DEADLINE_SECONDS = 5_400


def fail(sentence):
    sys.exit(f"error: {sentence}")


def call(session, method, url, **arguments):
    answer = session.request(method, url, timeout=60, **arguments)
    if not answer.ok:
        fail(f"{method} {url}: {answer.status_code} {answer.text}")
    return answer.json() if answer.content else None


def logged_in(session, base, name):
    credentials = {"name": name, "password": PASSWORD}
    return call(session, "POST", f"{base}/auth/login", json=credentials)["access_token"]


def run(root, certificate, report, token, examples, seed):
    """One run of the tool; gives what it asked and was answered."""
    command = [
        str(pathlib.Path(sys.executable).with_name("schemathesis")), "run", f"{root}/api/v1/openapi.json",
        "--url", root, "--tls-verify", certificate, "--checks", ",".join(CHECKS), "--max-examples", str(examples),
        "--phases", "examples,coverage,fuzzing", "--seed", str(seed), "--generation-database", "none", "--no-color",
        "--continue-on-failure", "--suppress-health-check", "all", "--warnings", "off", "--report", "har",
        "--report-har-path", str(report),
    ]
    if token:
        command += ["--header", f"Authorization: Bearer {token}", "--exclude-path-regex", ENDS_SESSIONS]
    surroundings = {name: value for name, value in os.environ.items() if not name.upper().endswith(("_CA_BUNDLE", "_PROXY"))}
    ended = subprocess.run(
        command, env=surroundings, stdin=subprocess.DEVNULL, timeout=RUN_DEADLINE_SECONDS, check=False
    )
    if ended.returncode != 0:
        fail(f"schemathesis ended with {ended.returncode}; what it found stands above")
    return json.loads(report.read_text())["log"]["entries"]


def staff_verbs(document):
    """Method and address of each verb of staff."""
    found = []
    for path, verbs in document["paths"].items():
        pattern = re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path)) + "$")
        found += [(verb.upper(), pattern) for verb, operation in verbs.items() if "x-permission" in operation]
    return found


def open_to_others(entries, verbs, refusal, everything):
    """Requests to verbs of staff that were not refused, and of everything also verbs that were never refused as they have to be."""
    found, asked = [], set()
    for entry in entries:
        request, status = entry["request"], entry["response"]["status"]
        path = requests.utils.urlparse(request["url"]).path
        for number, (verb, pattern) in enumerate(verbs):
            if request["method"] == verb and pattern.match(path):
                if status == refusal:
                    asked.add(number)
                # The tool leaves the token out now and then; 400 and 405 are said of what is no request at all.
                elif status not in (400, 401, 405):
                    found.append(f"{verb} {path}: {status}")
    if everything:
        found += [f"{verb} {pattern.pattern}: never refused with {refusal}" for number, (verb, pattern) in enumerate(verbs) if number not in asked]
    return found


def main():
    data, reports, wanted, owner_token = sys.argv[1:]
    data, reports, wanted = pathlib.Path(data), pathlib.Path(reports), int(wanted)
    root = "https://" + json.loads((data / "endpoint.json").read_text())["https"]
    base, certificate = f"{root}/api/v1", str(data / "tls" / "certificate.pem")
    session = requests.Session()
    session.verify = certificate
    # Certificates and proxies of the surroundings are for other servers.
    session.trust_env = False
    call(session, "POST", f"{base}/auth/register", json={"name": "Tester", "password": PASSWORD})
    call(session, "POST", f"{base}/owner", json={"token": owner_token, "name": "Warden", "password": PASSWORD})
    tokens = {"anonymous": None, "player": logged_in(session, base, "Tester"), "staff": logged_in(session, base, "Warden")}
    document = call(session, "GET", f"{base}/openapi.json")
    verbs = staff_verbs(document)
    if len(verbs) < 10:
        fail("the document names no verbs of staff")
    operations = sum(len(verbs) for verbs in document["paths"].values())
    asked, rounds, counts = 0, 0, {who: {} for who in tokens}
    while asked < wanted and rounds < ROUNDS_MAX:
        # The edges of every parameter are asked in any case; the rest of what is missing is spread over the calls.
        # Of calls without parameters there are few that differ.
        examples = max(EXAMPLES_MIN, (wanted - asked) * 5 // (4 * 3 * operations) - EDGES_OF_A_CALL)
        for number, (who, token) in enumerate(tokens.items()):
            begin = time.monotonic()
            name = who if rounds == 0 else f"{who}-{rounds + 1}"
            seed = 20_261_123 + rounds * len(tokens) + number
            entries = run(root, certificate, reports / f"{name}.har", token, examples, seed)
            asked += len(entries)
            failed = [entry["request"]["url"] for entry in entries if entry["response"]["status"] >= 500]
            if failed:
                fail(f"as {who}: answers of 500 and above: {failed[:5]}")
            refusal = 401 if token is None else 403
            if who != "staff" and (found := open_to_others(entries, verbs, refusal, rounds == 0)):
                fail(f"as {who}: verbs of staff are open: {found[:5]}")
            if token:
                session.headers["Authorization"] = f"Bearer {token}"
                call(session, "GET", f"{base}/auth/validate")
            statuses = {}
            for entry in entries:
                kind = f"{entry['response']['status'] // 100}xx"
                statuses[kind] = statuses.get(kind, 0) + 1
                counts[who][kind] = counts[who].get(kind, 0) + 1
            print(f"as {who}: {len(entries)} requests in {time.monotonic() - begin:.0f} s, {statuses}", flush=True)
        rounds += 1
    if counts["staff"].get("2xx", 0) < 20 or counts["player"].get("2xx", 0) < 20:
        fail(f"hardly anything was allowed, which proves little: {counts}")
    if asked < wanted:
        fail(f"{asked} requests are fewer than the {wanted} that were asked for; raise the examples of each call")
    print(f"{asked} requests: no answer of 500 or above, none against the document, no verb of staff open to others")


if __name__ == "__main__":
    main()
