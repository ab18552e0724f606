"""A judge in another language: everything that it takes to be a judge of Overtone is the contract, proto/overtone/v1/judge.proto.

    python3 -m pip install grpcio grpcio-tools
    python3 test/conformance/python-judge/judge.py 127.0.0.1:50051

and in an experiment file, or for `overtone judge`:

    judges: { mine: { backend: address, address: "127.0.0.1:50051" } }

This one prefers the solution with more lines: put your own model into `preference`.
"""
import hashlib, sys, tempfile
from concurrent import futures
from pathlib import Path

import grpc
from grpc_tools import protoc

PROTO = Path(__file__).resolve().parents[3] / "proto"
STUBS = tempfile.mkdtemp()
protoc.main(["protoc", f"-I{PROTO}", f"--python_out={STUBS}", f"--grpc_python_out={STUBS}",
             "overtone/v1/common.proto", "overtone/v1/judge.proto"])
sys.path.insert(0, STUBS)
from overtone.v1 import common_pb2, judge_pb2, judge_pb2_grpc


def preference(question: str, first: str, second: str) -> float | None:
    """The probability that the solution shown first is better; None when there is no telling."""
    difference = first.count("\n") - second.count("\n")
    return 0.9 if difference > 0 else 0.1 if difference < 0 else 0.5


class Judge(judge_pb2_grpc.JudgeServiceServicer):
    def Describe(self, request, context):
        # Whatever changes verdicts must change the fingerprint: verdicts are kept under it.
        source = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
        return judge_pb2.DescribeResponse(name="lines", backend="python", fingerprint=source)

    def Compare(self, requests, context):
        for request in requests:
            p = preference(request.question, request.first, request.second)
            outcome = (common_pb2.OUTCOME_UNREADABLE if p is None
                       else common_pb2.OUTCOME_FIRST if p > 0.5
                       else common_pb2.OUTCOME_SECOND if p < 0.5 else common_pb2.OUTCOME_TIE)
            yield judge_pb2.CompareResponse(id=request.id, preference_first=p or 0.0, outcome=outcome)


server = grpc.server(futures.ThreadPoolExecutor(8))
judge_pb2_grpc.add_JudgeServiceServicer_to_server(Judge(), server)
port = server.add_insecure_port(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051")
server.start()
print(f"listening on port {port}", flush=True)
server.wait_for_termination()
