"""The gateway's ways to other services: coordinators (commands), state (reads). The only modules
here that use grpc.
"""
