"""The metadata service of an AWS machine, made up."""

import contextlib
import datetime
import http.server
import json
import threading

from gan_study.study.run.spot_notice import NOTICE, TOKEN


@contextlib.contextmanager
def metadata_service(*answers):
    """A service that gives `answers` one after the other: the seconds until the end, or a status."""
    waiting = list(answers)

    class Service(http.server.BaseHTTPRequestHandler):
        def answer(self, status, body=""):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def do_PUT(self):
            is_asked_well = self.path == TOKEN and "X-aws-ec2-metadata-token-ttl-seconds" in self.headers
            self.answer(*(200, "secret") if is_asked_well else (400,))

        def do_GET(self):
            if self.headers["X-aws-ec2-metadata-token"] != "secret":
                return self.answer(401)
            if self.path != NOTICE:
                return self.answer(400)
            found = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            if isinstance(found, int):
                return self.answer(found)
            end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=found)
            return self.answer(200, json.dumps({"action": "terminate", "time": f"{end:%Y-%m-%dT%H:%M:%SZ}"}))

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
