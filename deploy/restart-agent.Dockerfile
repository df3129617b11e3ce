# The restart agent's image for a registry, where Pods run on other nodes than those of reprise:
#
#     cargo build --profile restart-agent --package reprise-restart-agent
#     docker build --file deploy/restart-agent.Dockerfile --tag REGISTRY/restart-agent:0.1.0 target/x86_64-unknown-linux-gnu/restart-agent
FROM scratch
COPY restart-agent /restart-agent
ENTRYPOINT ["/restart-agent"]
