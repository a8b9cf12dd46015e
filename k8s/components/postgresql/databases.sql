-- Run once, on an empty volume. Nobody's role may connect to the other's database.
\set gateway_password `cat /run/secrets/gateway`
\set analysis_password `cat /run/secrets/analysis`
CREATE ROLE gateway LOGIN PASSWORD :'gateway_password';
CREATE ROLE analysis LOGIN PASSWORD :'analysis_password';
CREATE DATABASE gateway OWNER gateway;
CREATE DATABASE analysis OWNER analysis;
REVOKE ALL ON DATABASE gateway FROM PUBLIC;
REVOKE ALL ON DATABASE analysis FROM PUBLIC;
