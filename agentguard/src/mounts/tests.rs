mod seen;
