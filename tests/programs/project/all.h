int f1(int n);
int f2(int n);
int f3(int n);
int f4(int n);
int f5(int n);
int f6(int n);
int f7(int n);
int f8(int n);
