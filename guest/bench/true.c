/* The least program: what is left is the price of starting and ending one. */
int main(void) { return 0; }
