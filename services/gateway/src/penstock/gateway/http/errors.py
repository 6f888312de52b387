"""Operating errors that only HTTP knows; the others are those of `penstock.common.errors`."""

import grpc

from penstock.common.errors import PenstockError


class MethodNotAllowed(PenstockError):
    """This address does not know this method."""

    reason = "METHOD_NOT_ALLOWED"
    grpc_code = grpc.StatusCode.UNIMPLEMENTED
    http_status = 405


class UnsupportedMediaType(PenstockError):
    """The content type of the request is not one that is understood here."""

    reason = "UNSUPPORTED_MEDIA_TYPE"
    grpc_code = grpc.StatusCode.INVALID_ARGUMENT
    http_status = 415
