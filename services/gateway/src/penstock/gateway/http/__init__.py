"""HTTP as such: the application and its edge, requests, problems, the OpenAPI document."""
