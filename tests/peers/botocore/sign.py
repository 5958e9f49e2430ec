"""Signs requests as botocore does: reads them as a list of JSON from standard input, and prints the `Authorization` that each should have.

A request is {method, url, headers, body (hex), access, secret, region, service}; its headers are those that are to be signed, and the time is
its X-Amz-Date. What is signed of the body is its X-Amz-Content-SHA256 where it is among them, which is held against the body first.
"""

import hashlib, json, sys

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def authorization(of):
    body = bytes.fromhex(of["body"])
    request = AWSRequest(method=of["method"], url=of["url"], data=body, headers=of["headers"])
    known = request.headers.get("X-Amz-Content-SHA256")
    if known is not None and known != hashlib.sha256(body).hexdigest():
        return f"the body is not the one of {known}"
    # The token is one of the headers.
    auth = SigV4Auth(Credentials(of["access"], of["secret"]), of["service"], of["region"])
    request.context["timestamp"] = request.headers["X-Amz-Date"]
    text = auth.string_to_sign(request, auth.canonical_request(request))
    names = auth.signed_headers(auth.headers_to_sign(request))
    return f"AWS4-HMAC-SHA256 Credential={auth.scope(request)}, SignedHeaders={names}, Signature={auth.signature(text, request)}"


json.dump([authorization(of) for of in json.load(sys.stdin)], sys.stdout)
