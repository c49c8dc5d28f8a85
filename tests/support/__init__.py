"""What several tests share: private database servers, polling, races."""
