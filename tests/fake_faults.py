"""What goes wrong at the fake server: faults, modes of refusal, and errors in OpenAI's words."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate

import orjson
from fake_http import HttpRequest, Wire

# Faults after which the same request, sent again, is worth its price.
RETRYABLE_FAULTS = (
    "429_seconds",  # Retry-After in whole seconds: retry_after_s rounded up
    "429_fraction",  # Retry-After: 0.05
    "429_ms",  # retry-after-ms: 50
    "429_date",  # Retry-After as an HTTP date, the next whole second after retry_after_s, beside the Date of now
    "429_bare",  # no header at all
    "500",
    "502_html",  # a proxy's page, not JSON
    "503",
    "stall",  # silence for stall_s, then the connection is closed
    "stall_middle",  # half of the answer, silence for stall_s, closed
    "slow",  # a whole answer, spread over slow_s
    "cut_before",  # closed without a byte
    "cut_middle",  # closed after half of the answer
    "broken_json",
    "empty_choices",
    "null_content",
    "empty_content",
    "error_in_200",
    # finish_reason length after 55% of the text, in mid-sentence: too short to be kept, and twice the room is enough
    "length",
)
# Faults that a model repeats: refusals by the API, in words, and by the content filter.
FINAL_FAULTS = ("refusal", "refusal_text", "content_filter")
FAULT_KINDS = RETRYABLE_FAULTS + FINAL_FAULTS
# Whole answers that hold no text to keep: the model's doing, not the line's.
SPOILED_ANSWERS = ("null_content", "empty_content", "length", *FINAL_FAULTS)

MODES = ("ok", "bad_key", "forbidden", "no_model", "no_quota", "down", "context")


@dataclass(frozen=True, slots=True)
class ApiError:
    """An error as OpenAI words it. `code` is what clients tell it by."""

    status: int
    message: str
    code: str
    type: str = "invalid_request_error"
    param: str | None = None


def error_wire(error: ApiError, headers: Mapping[str, str] | None = None, fault: str | None = None) -> Wire:
    fields = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
    return Wire(error.status, orjson.dumps({"error": fields}), headers or {}, fault)


def not_found(request: HttpRequest) -> Wire:
    return error_wire(ApiError(404, f"Invalid URL ({request.method} {request.path})", "unknown_url"))


def mode_error(mode: str, model: str) -> ApiError:
    match mode:
        case "bad_key":
            return ApiError(401, "Incorrect API key provided: none.", "invalid_api_key")
        case "forbidden":
            return ApiError(403, "Your project has no permission to use this API.", "permission_denied")
        case "no_model":
            message = f"The model `{model}` does not exist or you do not have access to it."
            return ApiError(404, message, "model_not_found")
        case "no_quota":
            message = "You exceeded your current quota, please check your plan and billing details."
            return ApiError(429, message, "insufficient_quota", type="insufficient_quota")
        case _:
            return ApiError(503, "The server is overloaded or down.", "service_unavailable", type="server_error")


def rate_error(code: str, wait_s: float) -> Wire:
    """The 429 of a limit, with the wait in whole seconds and, as OpenAI adds it, in milliseconds."""
    error = ApiError(429, f"Rate limit reached. Please try again in {wait_s:.3f}s.", code, type="requests")
    return error_wire(error, {"Retry-After": str(math.ceil(wait_s)), "retry-after-ms": str(math.ceil(wait_s * 1000))})


def error_fault(fault: str, retry_after_s: float) -> Wire:
    """The faults that are an HTTP status other than 200."""
    status = int(fault[:3])
    if fault == "502_html":
        page = b"<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"
        return Wire(502, page, {"Content-Type": "text/html"}, fault)
    if status != 429:
        return error_wire(ApiError(status, "The server had an error.", "server_error", type="server_error"), {}, fault)
    now = time.time()
    due = math.ceil(now + retry_after_s)
    headers = {
        "429_seconds": {"Retry-After": str(math.ceil(retry_after_s))},
        "429_fraction": {"Retry-After": f"{retry_after_s:g}"},
        "429_ms": {"retry-after-ms": f"{retry_after_s * 1000:g}"},
        "429_date": {"Date": formatdate(now, usegmt=True), "Retry-After": formatdate(due, usegmt=True)},
    }
    error = ApiError(429, "Rate limit reached for requests.", "rate_limit_exceeded", type="requests")
    return error_wire(error, headers.get(fault), fault)
